import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { logicalIdsOf, ownersOfConstruct, rootOf } from './construct-names';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import type { Stacks } from '../../shared/stacks';

const TYPE = 'Custom::FileSystem';

/** Evidence from CloudFormation. Tags lead to a file system and prove nothing, because anybody who may set tags in the account can plant one. */
export class Evidence {
  constructor(private readonly stacks: Stacks) {}

  /**
   * Returns whether CloudFormation knows the file system as that of this construct, or of one that it was formerly. It remembers a deleted
   * stack for 90 days.
   */
  public async isOfConstruct(
    { FileSystemId: id, Tags: tags }: FileSystemDescription, properties: FileSystemProperties, context: Pick<Context, 'logicalId'>,
  ): Promise<boolean> {
    const stackId = valueOf(tags, OWNERSHIP_TAGS.stackId);
    const owner = valueOf(tags, OWNERSHIP_TAGS.owner);
    const logicalId = valueOf(tags, OWNERSHIP_TAGS.logicalId);
    if (stackId === undefined || owner === undefined || logicalId === undefined || !isOfRoot(stackId, properties)) { return false; }
    if (!ownersOfConstruct(properties).includes(owner) || !logicalIdsOf(properties, context).includes(logicalId)) { return false; }
    try {
      return await this.stacks.had({ stackId, logicalId, type: TYPE }, id!);
    } catch (error) {
      log({ event: 'could not ask whose file system it is', id, stackId, error: saidBy(error) });
      return false;
    }
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

/** Returns whether the stack is, or was, deployed under the same name as that of the properties, or nested in such a stack. */
function isOfRoot(stackId: string, { Owner }: FileSystemProperties): boolean {
  const root = rootOf(Owner);
  const name = stackId.split('/')[1] ?? '';
  return name === root || name.startsWith(`${root}-`);
}
