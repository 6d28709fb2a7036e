import { report } from '../../projenrc/tally';

/** What came of one thing that was run against another. */
export type Verdict =
  | 'passed'
  | 'failed'
  /** Differs, and `docs/conformance.md` says who is right and why. */
  | 'explained'
  | 'not run';

export interface Row {
  readonly judge: string;
  readonly against: string;
  readonly what: string;
  readonly verdict: Verdict;
  readonly note: string;
}

/** What cannot be had here: its rows are `not run`, and nothing fails. */
export class Unavailable extends Error {}

/** All that was run against all, as it goes along and as a table at the end. */
export class Report {
  private readonly rows: Row[] = [];

  /** Rows of one judge against one of our parts. */
  public section(judge: string, against: string): Section {
    return new Section(judge, against, row => this.add(row));
  }

  public get failed(): boolean {
    return this.rows.some(({ verdict }) => verdict === 'failed');
  }

  public print(): void {
    const cells = this.rows.map(({ judge, against, what, verdict, note }) => [judge, against, what, verdict, note.replaceAll('|', '\\|')]);
    const table = [['Judge', 'Against', 'What', 'Verdict', 'Note'], ...cells];
    const widths = [0, 1, 2, 3].map(column => Math.max(...table.map(row => row[column].length)));
    const line = (row: string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
    console.log(['', line(table[0]), `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|------|`, ...table.slice(1).map(line)].join('\n'));
    const count = (verdict: Verdict) => `${this.count(verdict)} ${verdict}`;
    console.log(`\n${(['passed', 'explained', 'not run', 'failed'] as const).map(count).join(', ')}`);
    report('conformance', { passed: this.count('passed') + this.count('explained'), failed: this.count('failed'), skipped: this.count('not run') });
  }

  private count(verdict: Verdict): number {
    return this.rows.filter(row => row.verdict === verdict).length;
  }

  private add(row: Row): void {
    this.rows.push(row);
    const sign = { 'passed': '✓', 'failed': '✗', 'explained': '≈', 'not run': '–' }[row.verdict];
    console.log(`  ${sign} ${row.what}${row.note === '' ? '' : `: ${row.note}`}`);
  }
}

export class Section {
  constructor(private readonly judge: string, private readonly against: string, private readonly add: (row: Row) => void) {}

  /** Passed, unless it throws: then failed, or not run where a tool is missing. What it returns is the note. */
  public async check(what: string, run: () => Promise<string | void> | string | void): Promise<boolean> {
    try {
      this.row(what, 'passed', await run() ?? '');
      return true;
    } catch (error) {
      this.row(what, error instanceof Unavailable ? 'not run' : 'failed', (error as Error).message.split('\n').slice(0, 8).join(' ¶ '));
      if (!(error instanceof Unavailable)) { console.error(error); }
      return false;
    }
  }

  public row(what: string, verdict: Verdict, note = ''): void {
    this.add({ judge: this.judge, against: this.against, what, verdict, note });
  }
}
