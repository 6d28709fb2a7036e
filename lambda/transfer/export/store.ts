import type { Completing } from './completion';
import type { ExportPlan } from './layout';
import { isNamed } from '../../shared/errors';
import { BlockSet } from '../blocks/block-set';
import { NOT_FIRST, TransferStore } from '../bucket/store';
import { DeltaTable } from '../formats/delta';

/** The record of an export, kept for as long as its resource exists, because S3 cannot be searched for the maker of an object. */
export interface ExportRecord {
  readonly exportId: string;
  readonly stackId: string;
  readonly logicalId: string;
  /** Digest of the properties whose change means replacement. */
  readonly identity: string;
  readonly requestId: string;
  /** When CloudFormation sent that call, in milliseconds since 1970. */
  readonly sent: number;
  readonly bucket: string;
  /** The account that the bucket must belong to. Absent: any. */
  readonly bucketOwner?: string;
  readonly key: string;
  /** Whether the object is a delta, which has no manifest beside it. */
  readonly isDelta: boolean;
  /** GiB. */
  readonly volumeSize: number;
  /** The only upload that is aborted or completed for the export. Absent until S3 has answered. */
  readonly uploadId?: string;
  /** Milliseconds since 1970. */
  readonly started: number;
  /** Whether a poll has returned the export to CloudFormation as complete. */
  readonly handedOut?: boolean;
  /** CloudFormation had retained the object when an update went back to it. */
  readonly takenUp?: true;
  /** There as long as it is unknown whether S3 completes the upload. */
  readonly completing?: Completing;
  /** The export is deleted, but for the object that S3 may still make of its upload. */
  readonly removed?: true;
}

/** A part that S3 has taken. */
export interface DonePart {
  readonly part: number;
  readonly crc32: number;
  /** SHA-256 of its blocks, in base64. */
  readonly digests: string;
}

/** The object that an export made. */
export interface ExportResult {
  readonly versionId?: string;
  readonly etag: string;
  /** Base64. */
  readonly crc32: string;
  readonly size: number;
}

/** The first changes between two snapshots. */
export interface Listed {
  /** The block that the rest begins at. */
  readonly from: number;
  /** Token of the next page. */
  readonly token: string;
  readonly changes: DeltaTable;
}

/**
 * The files of exports in the transfer bucket, below `transfers/<export id>/`:
 *
 *     record.json   the record, from before the export begins until it is deleted
 *     plan.json     how the export is divided; missing if it was cancelled
 *     listing       the changes that EBS has listed so far, if it is a delta and the plan took more than one invocation
 *     prelude       the start of the object, if it is a delta
 *     present       which blocks the snapshot has, if the object is a qcow2 image
 *     progress/<n>  the uploaded parts of an unfinished range
 *     ranges/<n>    the parts of a finished range
 *     result.json   the object; only the result and the record are kept then
 *     token         ends the wait of the execution that answers CloudFormation, see ../bucket/wake.ts
 *     failure       the reason why a range could not be copied
 */
export class ExportStore extends TransferStore {
  public async record(exportId: string): Promise<ExportRecord | undefined> {
    return this.json<ExportRecord>(exportId, 'record.json');
  }

  public async saveRecord(record: ExportRecord): Promise<void> {
    await this.put(record.exportId, 'record.json', JSON.stringify(record));
  }

  /** Marks the export as returned to CloudFormation. Returns false, and saves nothing, if the export was removed meanwhile. */
  public handOut(exportId: string): Promise<boolean> {
    return this.change(exportId, record => record.handedOut || !record.removed ? { ...record, handedOut: true } : undefined);
  }

  public async takeUp(exportId: string): Promise<void> {
    await this.change(exportId, record => ({ ...record, takenUp: true }));
  }

  /** Records that S3 is asked to complete the upload. Returns false, and saves nothing, if the export was removed meanwhile. */
  public beginCompletion(exportId: string, completing: Completing): Promise<boolean> {
    return this.change(exportId, record => record.removed ? undefined : { ...record, completing });
  }

  /** Records that S3 has answered, or that the object was found. */
  public async endCompletion(exportId: string): Promise<void> {
    await this.change(exportId, record => ({ ...record, completing: undefined }));
  }

  /** Records that only the object may be left. */
  public async markRemoved(exportId: string): Promise<void> {
    await this.change(exportId, record => ({ ...record, removed: true }));
  }

  /** Changes the record. Returns false if there is none, or if `how` returns undefined. */
  private async change(exportId: string, how: (record: ExportRecord) => ExportRecord | undefined): Promise<boolean> {
    for (;;) {
      const present = await this.read(exportId, 'record.json');
      const changed = present && how(JSON.parse(present.bytes.toString()) as ExportRecord);
      if (!changed) { return false; }
      const text = JSON.stringify(changed);
      if (text === present.bytes.toString()) { return true; }
      try {
        await this.put(exportId, 'record.json', text, { IfMatch: present.etag });
        return true;
      } catch (error) {
        // The answer to an earlier attempt may have been lost, so read the record again.
        if (!isNamed(error, 'NoSuchKey', ...NOT_FIRST)) { throw error; }
      }
    }
  }

  /** Returns the records of all exports of the stack. */
  public async records(): Promise<ExportRecord[]> {
    const records = await Promise.all((await this.idsBelow('transfers/export-')).map(id => this.record(id)));
    return records.filter(record => record !== undefined);
  }

  public async saveExportPlan(exportId: string, plan: ExportPlan): Promise<void> {
    await this.put(exportId, 'plan.json', JSON.stringify(plan));
  }

  /** Throws if there is none, because the export was cancelled and cleaned up. */
  public async exportPlan(exportId: string): Promise<ExportPlan> {
    const plan = await this.json<ExportPlan>(exportId, 'plan.json');
    if (!plan) { throw cancelled(exportId); }
    return plan;
  }

  /** Throws if the export was cancelled meanwhile, because nothing would remove what is saved or made after that. */
  public async refuseCancelledExport(exportId: string): Promise<void> {
    await this.exportPlan(exportId);
  }

  /** Throws if the export was deleted, which removes its record. Replaces `refuseCancelledExport` before there is a plan. */
  public async refuseDeletedExport(exportId: string): Promise<void> {
    if (!await this.record(exportId)) { throw cancelled(exportId); }
  }

  /** Saves what EBS has listed so far. */
  public async saveListing(exportId: string, { from, token, changes }: Listed): Promise<void> {
    await this.put(exportId, 'listing', Buffer.concat([Buffer.from(`${JSON.stringify({ from, token })}\n`), changes.bytes()]));
  }

  public async listing(exportId: string): Promise<Listed | undefined> {
    const saved = await this.get(exportId, 'listing');
    if (!saved) { return undefined; }
    const end = saved.indexOf('\n');
    const { from, token } = JSON.parse(saved.toString('utf8', 0, end)) as Omit<Listed, 'changes'>;
    return { from, token, changes: DeltaTable.read(saved.subarray(end + 1)) };
  }

  public async savePrelude(exportId: string, prelude: Buffer): Promise<void> {
    await this.put(exportId, 'prelude', prelude);
  }

  public async prelude(exportId: string): Promise<Buffer> {
    const prelude = await this.get(exportId, 'prelude');
    if (!prelude) { throw cancelled(exportId); }
    return prelude;
  }

  public async savePresentBlocks(exportId: string, present: BlockSet): Promise<void> {
    await this.put(exportId, 'present', present.bytes);
  }

  public async presentBlocks(exportId: string): Promise<BlockSet> {
    const bytes = await this.get(exportId, 'present');
    if (!bytes) { throw cancelled(exportId); }
    return new BlockSet(bytes);
  }

  /** Returns the parts of a range that are uploaded. */
  public async parts(exportId: string, n: number): Promise<DonePart[]> {
    return await this.json<DonePart[]>(exportId, `ranges/${n}`) ?? await this.json<DonePart[]>(exportId, `progress/${n}`) ?? [];
  }

  /** Saves the parts of a range. A finished range stays finished, even if another worker of the same range saves its progress later. */
  public async saveParts(exportId: string, n: number, parts: readonly DonePart[], { finished }: { finished: boolean }): Promise<void> {
    await this.put(exportId, `${finished ? 'ranges' : 'progress'}/${n}`, JSON.stringify(parts));
  }

  public result(exportId: string): Promise<ExportResult | undefined> {
    return this.json<ExportResult>(exportId, 'result.json');
  }

  public async saveResult(exportId: string, result: ExportResult): Promise<void> {
    await this.put(exportId, 'result.json', JSON.stringify(result));
  }

  /** Removes the files that only the work needed. The token is needed once its execution has ended. */
  public removeWork(exportId: string): Promise<void> {
    return this.removeAllBut(exportId, ['record.json', 'result.json', 'token']);
  }

  /** Removes all files but those that the next poll or Delete needs: record, result, and the reason for the failure. */
  public removeFailed(exportId: string): Promise<void> {
    return this.removeAllBut(exportId, ['record.json', 'result.json', 'failure']);
  }

  private async json<T>(exportId: string, name: string): Promise<T | undefined> {
    const found = await this.get(exportId, name);
    return found && JSON.parse(found.toString()) as T;
  }
}

function cancelled(exportId: string): Error {
  return new Error(`the export ${exportId} was cancelled`);
}
