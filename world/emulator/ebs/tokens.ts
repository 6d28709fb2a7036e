import { createHmac, randomBytes } from 'crypto';
import type { Clock } from '../clock';
import { invalid } from './errors';

const BLOCK_TOKEN_LIFETIME = 7 * 24 * 3600_000;
const PAGE_TOKEN_LIFETIME = 3600_000;

/** Page and block tokens: sealed, so that none can be made up, bound to what they were given for, and mortal. */
export class Tokens {
  /** What makes the tokens of one answer differ from those of any other. */
  public static nonce(): string {
    return randomBytes(6).toString('hex');
  }

  private readonly key = randomBytes(32);

  constructor(private readonly clock: Clock) {}

  /** When the block tokens of an answer given now die. */
  public blockExpiry(): number {
    return this.clock.now() + BLOCK_TOKEN_LIFETIME;
  }

  public block(snapshotId: string, index: number, nonce: string): string {
    return this.seal(`block ${snapshotId}`, index, this.blockExpiry(), nonce);
  }

  public page(list: string, index: number, nonce: string): string {
    return this.seal(`page ${list}`, index, this.clock.now() + PAGE_TOKEN_LIFETIME, nonce);
  }

  public checkBlock(token: string, snapshotId: string, index: number): void {
    if (this.open(token, `block ${snapshotId}`) !== index) { throw invalid('INVALID_BLOCK_TOKEN', 'The block token is invalid or expired'); }
  }

  /** The index that the page begins at. */
  public openPage(token: string, list: string): number {
    const index = this.open(token, `page ${list}`);
    if (index === undefined) { throw invalid('INVALID_PAGE_TOKEN', 'The pagination token is invalid or expired'); }
    return index;
  }

  private seal(purpose: string, index: number, expires: number, nonce: string): string {
    const content = `${index} ${expires} ${nonce}`;
    return Buffer.from(`${content} ${this.mac(purpose, content)}`).toString('base64');
  }

  private open(token: string, purpose: string): number | undefined {
    const text = Buffer.from(token, 'base64').toString();
    const content = text.slice(0, text.lastIndexOf(' '));
    if (text !== `${content} ${this.mac(purpose, content)}`) { return undefined; }
    const [index, expires] = content.split(' ').map(Number);
    return this.clock.now() < expires ? index : undefined;
  }

  private mac(purpose: string, content: string): string {
    return createHmac('sha256', this.key).update(`${purpose} ${content}`).digest('base64url');
  }
}
