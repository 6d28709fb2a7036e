import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { ownersOfConstruct } from './construct-names';
import type { Evidence } from './evidence';
import { differences, immutableChanges, referenceOf, replacingChanges, tokenOf, type Immutables } from './immutables';
import type { TaggedFileSystems } from './tagged-file-systems';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { outcomeOf } from '../../shared/at-once';
import { isCertainlyBack } from '../../shared/direction';
import { log } from '../../shared/log';
import { belongsTo, valueOf } from '../../shared/ownership';
import { boolean } from '../../shared/property-values';
import type { Context, CreateContext } from '../../shared/resource-lifecycle';
import { stateOf } from '../../shared/state-tag';
import type { Efs } from '../efs';

export interface ReplacementServices {
  readonly efs: Efs;
  readonly taggedFileSystems: TaggedFileSystems;
}

/** A creation that is asked for. */
export interface Creation {
  readonly properties: FileSystemProperties;
  readonly wanted: Immutables;
  readonly context: CreateContext<FileSystemProperties>;
}

/** Refuses creations that would silently leave data behind in another file system. */
export class ReplacementGuard {
  constructor(private readonly services: ReplacementServices, private readonly evidence: Evidence) {}

  /**
   * Throws if an update would replace the file system without `allowReplacement`. Allows everything in what is certainly a rollback, because
   * one that fails leaves the stack stuck. `find` returns the file system that the properties name.
   */
  public async refuseReplacement({ properties, context }: Creation, find: () => Promise<FileSystemDescription | undefined>): Promise<void> {
    if (context.old === undefined || boolean('allowReplacement', properties.AllowReplacement ?? false)) { return; }
    // The properties may name the same file system in another way: by another name of its key, or by its creation token.
    if (belongsTo((await find())?.Tags, context)) { return; }
    if (await isCertainlyBack(context)) { return; }
    const other = properties.AdoptFileSystemId ?? 'a new, empty one';
    throw new Error(`the file system would be replaced by ${other}, because ${replacingChanges(properties, context.old).join(', ')} cannot change in place: `
      + "leave the properties as they were, or set 'allowReplacement'");
  }

  /**
   * Returns the file system of this construct that an earlier deployment has retained, or that it has under a former logical id: its creation
   * token is another one. Throws if it does not fit, or if CloudFormation does not say whose it is, because a new, empty file system would be
   * made instead.
   */
  public async earlier({ properties, wanted, context }: Creation): Promise<FileSystemDescription | undefined> {
    const { efs, taggedFileSystems } = this.services;
    const having = (Owner: string) => taggedFileSystems.having({ [OWNERSHIP_TAGS.owner]: Owner });
    const [present, own] = await Promise.allSettled([efs.fileSystemWithToken(tokenOf(properties)), having(properties.Owner)]);
    if (outcomeOf(present)) { return undefined; }
    for (const Owner of ownersOfConstruct(properties)) {
      const withToken = Owner === properties.Owner ? undefined : await efs.fileSystemWithToken(tokenOf({ ...properties, Owner }));
      for (const found of withToken ? [withToken] : Owner === properties.Owner ? outcomeOf(own) : await having(Owner)) {
        if (isMadeByThisCall(found, context)) { return found; }
        if (isUnfinishedHere(found, context)) { continue; }
        const isOwn = await this.evidence.ofConstruct(found, properties, context);
        if (isOwn === undefined && Owner !== properties.Owner) { throw unknownError(found, Owner); }
        if (!isOwn) {
          log({ event: 'a file system whose tags name this construct is not adopted: CloudFormation does not list it', id: found.FileSystemId, owner: Owner });
          continue;
        }
        const different = differences(found, wanted);
        if (different.length > 0) { throw strandedError(found, properties, different); }
        return found;
      }
    }
    return undefined;
  }
}

/** Whether the call in hand made or adopted it, or CloudFormation has it. Nobody else knows the call. */
export function isMadeByThisCall({ FileSystemId: id, Tags: tags }: FileSystemDescription, context: Context): boolean {
  return belongsTo(tags, context) && (valueOf(tags, OWNERSHIP_TAGS.requestId) === context.requestId || context.physicalId === id);
}

/** Whether an earlier creation of this stack failed before the file system was complete. CloudFormation deletes it. */
function isUnfinishedHere({ Tags: tags }: FileSystemDescription, { stackId }: Context): boolean {
  return stateOf(tags) === 'creating' && valueOf(tags, OWNERSHIP_TAGS.stackId) === stackId;
}

/** Throws if immutable properties change but the file system stays the same: EFS would return the old one for the same creation token. */
export function refuseSameToken(properties: FileSystemProperties, old: FileSystemProperties): void {
  const changed = immutableChanges(properties, old);
  if (referenceOf(properties) !== referenceOf(old) || changed.length === 0) { return; }
  if (properties.AdoptFileSystemId !== undefined) {
    throw new Error(`'adoptFileSystemId' is still ${properties.AdoptFileSystemId}, but ${changed.join(', ')} cannot change on an existing file system`);
  }
  throw new Error(`'creationToken' is still '${tokenOf(properties)}', but ${changed.join(', ')} cannot change on an existing file system: `
    + 'choose another \'creationToken\' for a new one, or leave the properties as they were');
}

function strandedError(retained: FileSystemDescription, { Owner: owner }: FileSystemProperties, different: readonly string[]): Error {
  const { FileSystemId: id, CreationToken: token } = retained;
  return new Error(`file system ${id} was retained by an earlier deployment of ${owner}, but its ${different.join(', its ')}: `
    + `to use it, set the properties as they are and 'creationToken' to '${token}'; for a new, empty one choose a 'creationToken' of your own`);
}

/** Without a former logical id, the creation token is the same, so that nothing new is made. */
function unknownError({ FileSystemId: id }: FileSystemDescription, owner: string): Error {
  return new Error(`file system ${id} may be that of ${owner}, which 'formerly' names, but CloudFormation does not say so: let the function call `
    + "cloudformation:DescribeStackResources and DescribeStackEvents, and deploy again; for a new, empty one, leave it out of 'formerly'");
}
