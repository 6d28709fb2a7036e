/** Statuses as the API shows them: each from its own moment on, which may be later than the change, and never out of order. */
export class ShownStatuses {
  private readonly entries: { readonly status: string; readonly reason?: string; readonly from: number }[] = [];

  public add(status: string, from: number, reason?: string): void {
    const earliest = this.entries.at(-1)?.from ?? 0;
    this.entries.push({ status, reason, from: Math.max(earliest, from) });
  }

  /** Returns undefined if nothing is shown yet. */
  public at(moment: number): { readonly status: string; readonly reason?: string } | undefined {
    return this.entries.findLast(({ from }) => from <= moment);
  }
}
