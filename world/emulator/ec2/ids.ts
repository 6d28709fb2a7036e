import { createHash } from 'crypto';

/** Ids as EC2 gives them, `snap-0123456789abcdef0`; the same ones in every run. */
export class Ids {
  private count = 0;

  public next(prefix: string): string {
    const digits = createHash('sha256').update(`${prefix} ${++this.count}`).digest('hex');
    return `${prefix}-0${digits.slice(0, 16)}`;
  }
}
