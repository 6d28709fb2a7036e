import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';

const INTERVAL_MILLISECONDS = 30_000;

/**
 * Saves what a worker has done every half a minute: whoever comes after one
 * that was killed goes on from there. A process that ends in time saves it anyway.
 */
export class Progress {
  private saved = Date.now();
  private saving: Promise<void> | undefined;

  /** @param save Saves the state as it is when it is called. */
  constructor(private readonly save: () => Promise<unknown>) {}

  /** A block was put. */
  public made(): void {
    if (this.saving || Date.now() - this.saved < INTERVAL_MILLISECONDS) { return; }
    this.saved = Date.now();
    // Nothing depends on it: the copying goes on, and fails by itself if something is wrong.
    this.saving = this.save()
      .then(() => {}, error => log({ event: 'could not save progress', error: saidBy(error) }))
      .finally(() => { this.saving = undefined; });
  }

  /** No save is under way any more: one that ends later could overwrite a newer one, or outlive the import's clean-up. */
  public async end(): Promise<void> {
    await this.saving;
  }
}

/** Throws when the time for the whole import, or export, is over. */
export function refuseOverdue(deadline: number | undefined, what: 'import' | 'export' = 'import'): void {
  if (deadline !== undefined && Date.now() > deadline) { throw new Error(`the ${what} did not end in time; if it only takes long, set waitForCompletion to false`); }
}
