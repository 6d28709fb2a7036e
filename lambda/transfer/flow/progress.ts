import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';

const INTERVAL_MILLISECONDS = 30_000;

/**
 * Saves every 30 seconds what a worker has done, so that the next worker continues there if this one is killed. A worker
 * that ends in time saves its state by itself.
 */
export class Progress {
  private saved = Date.now();
  private saving: Promise<void> | undefined;

  /** @param save Saves the state at the moment of the call. */
  constructor(private readonly save: () => Promise<unknown>) {}

  /** Called after each block. Begins to save if the last save is long enough ago and none is under way. */
  public made(): void {
    if (this.saving || Date.now() - this.saved < INTERVAL_MILLISECONDS) { return; }
    this.saved = Date.now();
    // A failure is only logged, because nothing depends on this save.
    this.saving = this.save()
      .then(() => {}, error => log({ event: 'could not save progress', error: saidBy(error) }))
      .finally(() => { this.saving = undefined; });
  }

  /** Waits for a save that is under way, because it could overwrite a newer one or write after the import's clean-up. */
  public async end(): Promise<void> {
    await this.saving;
  }
}
