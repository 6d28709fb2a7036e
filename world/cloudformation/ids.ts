import { createHash } from 'crypto';

/** Ids that look random, and are the same in every run of a test. */
export class Ids {
  private count = 0;

  constructor(private readonly seed: string) {}

  public uuid(): string {
    return this.hex(32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-a$4-$5');
  }

  public hex(length: number): string {
    return createHash('sha256').update(`${this.seed}/${this.count++}`).digest('hex').slice(0, length);
  }

  /** What CloudFormation puts behind a name that it makes up: `Stack-Resource-1A2B3C4D5E6F`. */
  public name(stack: string, logicalId: string, maxLength = 255): string {
    const suffix = this.hex(12).toUpperCase();
    const room = maxLength - suffix.length - 2;
    // A long name keeps its end, and as much of the stack's name as half of the room holds.
    const tail = logicalId.slice(-Math.max(Math.floor(room / 2), room - stack.length));
    return `${stack.slice(0, room - tail.length)}-${tail}-${suffix}`;
  }
}
