import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { readBefore, type Before } from './before-tags';
import { logicalIdsOf, ownersOfConstruct, rootOf } from './construct-names';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { belongsTo, valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import type { Stacks } from '../../shared/stacks';
import { stateOf } from '../../shared/state-tag';

const TYPE = 'Custom::FileSystem';

/** Evidence from CloudFormation. Tags lead to a file system and prove nothing, because anybody who may set tags in the account can plant one. */
export class Evidence {
  constructor(private readonly stacks: Stacks) {}

  /**
   * Returns whether CloudFormation knows the file system as that of this construct, or of one that it was formerly. It remembers a deleted
   * stack for 90 days. Returns undefined if CloudFormation does not answer.
   */
  public async ofConstruct(
    { FileSystemId: id, Tags: tags }: FileSystemDescription, properties: FileSystemProperties, context: Context,
  ): Promise<boolean | undefined> {
    // An earlier call of this resource may have taken it over. CloudFormation did not get the answer, so it knows the former resource only.
    const former = belongsTo(tags, context) ? readBefore(tags)?.claim : undefined;
    try {
      for (const claim of [claimIn(tags), former]) {
        if (claim && isOfNames(claim, properties, context) && await this.stacks.had({ ...claim, type: TYPE }, id!)) { return true; }
      }
      return false;
    } catch (error) {
      log({ event: 'could not ask whose file system it is', id, error: saidBy(error) });
      return undefined;
    }
  }

  /** Returns whether CloudFormation knows the file system as that of this construct; false if it does not answer. */
  public async isOfConstruct(fileSystem: FileSystemDescription, properties: FileSystemProperties, context: Context): Promise<boolean> {
    return await this.ofConstruct(fileSystem, properties, context) ?? false;
  }

  /**
   * Returns whether an earlier call of this resource has adopted the file system, and CloudFormation did not get the answer: then it sends the
   * event again, as another call.
   */
  public async isAdoptedByEarlierCall({ FileSystemId: id, Tags: tags }: FileSystemDescription, context: Context): Promise<boolean> {
    const before = readBefore(tags);
    if (!belongsTo(tags, context) || before === undefined) { return false; }
    const { stackId, logicalId } = context;
    if (await this.stacks.had({ stackId, logicalId, type: TYPE }, id!)) { return false; }
    // One that is not marked as adopted would be deleted in the end, so the answer above must not come from CloudFormation's oblivion.
    return stateOf(tags) === 'adopted' || (before.claim !== undefined && await this.stacks.had({ ...before.claim, type: TYPE }, id!));
  }

  /** Returns whether CloudFormation lists the file system as that of the resource now; true if it does not answer. */
  public async isListed(id: string, { stackId, logicalId }: Pick<Context, 'stackId' | 'logicalId'>): Promise<boolean> {
    try {
      return (await this.stacks.listed(stackId, logicalId)).some(({ physicalId, status }) => physicalId === id && !status.startsWith('DELETE_'));
    } catch (error) {
      log({ event: 'could not ask whose file system it is', id, stackId, error: saidBy(error) });
      return true;
    }
  }
}

type Claim = NonNullable<Before['claim']>;

function claimIn(tags: FileSystemDescription['Tags']): Claim | undefined {
  const [stackId, owner, logicalId] = [OWNERSHIP_TAGS.stackId, OWNERSHIP_TAGS.owner, OWNERSHIP_TAGS.logicalId].map(key => valueOf(tags, key));
  return stackId === undefined || owner === undefined || logicalId === undefined ? undefined : { stackId, owner, logicalId };
}

/** Returns whether a claim is that of the construct, by one of its names, in a stack of the same name. */
function isOfNames({ stackId, owner, logicalId }: Claim, properties: FileSystemProperties, context: Context): boolean {
  return isOfRoot(stackId, properties) && ownersOfConstruct(properties).includes(owner) && logicalIdsOf(properties, context).includes(logicalId);
}

/** Returns whether the stack is, or was, deployed under the same name as that of the properties, or nested in such a stack. */
function isOfRoot(stackId: string, { Owner }: FileSystemProperties): boolean {
  const root = rootOf(Owner);
  const name = stackId.split('/')[1] ?? '';
  return name === root || name.startsWith(`${root}-`);
}
