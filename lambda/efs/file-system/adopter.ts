import type { FileSystemDescription } from '@aws-sdk/client-efs';
import type { Claims } from './claims';
import { dataIn } from './deletion-blockers';
import type { Evidence } from './evidence';
import { differences } from './immutables';
import { overwrittenTags } from './overwritten-settings';
import { ownersOf, standingClaim } from './owners';
import { isMadeByThisCall, type Creation, type ReplacementGuard } from './replacement';
import { nameForeignTargets, refuseUnexpected } from './unexpected';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { log } from '../../shared/log';
import { belongsTo, valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import type { Stacks } from '../../shared/stacks';
import { stateOf, type State } from '../../shared/state-tag';
import type { Efs } from '../efs';
import { foundSettings } from '../settings/found-settings';
import type { Replications } from '../settings/replication';

export interface AdopterServices {
  readonly efs: Efs;
  readonly stacks: Stacks;
  readonly replications: Replications;
}

/** CloudFormation waits so long for a creation. */
const LONGEST_CREATION_MILLISECONDS = 3_600_000;

/** Makes existing file systems this resource's. */
export class Adopter {
  constructor(
    private readonly services: AdopterServices,
    private readonly claims: Claims,
    private readonly evidence: Evidence,
    private readonly guard: ReplacementGuard,
  ) {}

  /** Adopts the file system of `adoptFileSystemId`, including one that this library did not make. Throws if a stack still has it. */
  public async adoptNamed(creation: Creation): Promise<string> {
    const { properties: { AdoptFileSystemId: id }, wanted } = creation;
    const existing = await this.services.efs.fileSystem(id!);
    if (!existing || existing.LifeCycleState === 'deleting') {
      throw new Error(`'adoptFileSystemId' is ${id}, but there is no such file system`);
    }
    await this.guard.refuseReplacement(creation, async () => existing);
    const different = differences(existing, wanted);
    if (different.length > 0) {
      throw new Error(`'adoptFileSystemId' is ${id}, but its ${different.join(', its ')}: set the properties as they are`);
    }
    if (isMadeByThisCall(existing, creation.context)) { return this.keep(existing, creation); }
    await this.refuseInUse(existing, creation, `'adoptFileSystemId' is ${id}, but`);
    return this.adopt(existing, creation);
  }

  /** Takes the file system that has the creation token already. Throws unless it is this resource's, or `adopt` allows it. */
  public async take(existing: FileSystemDescription, creation: Creation): Promise<string> {
    const { properties, wanted, context } = creation;
    const isOwn = isMadeByThisCall(existing, context) || isUnfinished(existing, context);
    if (!isOwn) { await this.refuseForeign(existing, creation); }

    const different = differences(existing, wanted);
    if (different.length > 0) {
      throw new Error(`file system ${existing.FileSystemId} has the creation token '${existing.CreationToken}' already, but its ${different.join(', its ')}: `
        + 'choose another \'creationToken\' for a new file system, or set the properties as they are');
    }
    if (!isOwn) { return this.adopt(existing, creation); }
    if (!isMadeByThisCall(existing, context)) { await refuseUnexpected(existing, properties, this.services); }
    return this.keep(existing, creation);
  }

  private async refuseForeign(existing: FileSystemDescription, creation: Creation): Promise<void> {
    const { properties, context } = creation;
    const but = `file system ${existing.FileSystemId} has the creation token '${existing.CreationToken}' already, but`;
    switch (properties.Adopt ?? 'OWNED') {
      case 'ALWAYS': return this.refuseInUse(existing, creation, but);
      case 'OWNED':
        if (await this.evidence.isOfConstruct(existing, properties, context)) { return this.refuseClaimed(existing, creation, but); }
    }
    throw foreignError(existing, properties);
  }

  /** Throws if a stack has the file system, or a resource that is being created claims it. */
  private async refuseInUse(existing: FileSystemDescription, creation: Creation, but: string): Promise<void> {
    const [owner] = await ownersOf(existing, creation.properties, { ...this.services, context: creation.context });
    if (owner !== undefined) { throw new Error(`${but} ${owner}`); }
    await this.refuseClaimed(existing, creation, but);
  }

  private async refuseClaimed(existing: FileSystemDescription, { properties, context }: Creation, but: string): Promise<void> {
    const holder = await standingClaim(existing, properties, { stacks: this.services.stacks, context });
    if (holder !== undefined) { throw new Error(`${but} ${holder}`); }
  }

  /** Adopts the file system, so that it is released in the end, not deleted. Keeps the record of an adoption by an earlier call. */
  private async adopt(existing: FileSystemDescription, { properties, context }: Creation): Promise<string> {
    // In any case, because somebody may have planted the record of an adoption.
    await refuseUnexpected(existing, properties, this.services);
    if (await this.evidence.isAdoptedByEarlierCall(existing, context)) {
      await this.claims.claim(existing, properties, context, { keepsBefore: true });
      return existing.FileSystemId!;
    }
    await nameForeignTargets(existing, this.services.efs);
    log({ event: 'file system adopted', id: existing.FileSystemId, from: valueOf(existing.Tags, OWNERSHIP_TAGS.stackId) });
    await this.claims.adopt(existing, properties, context, {
      state: await this.isHandedOver(existing, properties) ? stateInUse(existing) : 'adopted',
      found: await foundSettings(existing, properties, undefined, this.services),
      settings: await overwrittenTags(existing, properties, this.services),
    });
    return existing.FileSystemId!;
  }

  /** Whether this construct takes the file system over from a former one, whose removal policy stays in effect. */
  private async isHandedOver({ FileSystemId: id, Tags: tags }: FileSystemDescription, { Owner }: FileSystemProperties): Promise<boolean> {
    if (valueOf(tags, OWNERSHIP_TAGS.owner) === Owner) { return false; }
    const [stackId, logicalId] = [OWNERSHIP_TAGS.stackId, OWNERSHIP_TAGS.logicalId].map(key => valueOf(tags, key));
    if (stackId === undefined || logicalId === undefined) { return false; }
    const listed = await this.services.stacks.listed(stackId, logicalId);
    return listed.some(({ physicalId, status }) => physicalId === id && !status.startsWith('DELETE_'));
  }

  /** Claims a file system of this resource again. */
  private async keep(existing: FileSystemDescription, { properties, context }: Creation): Promise<string> {
    await this.claims.claim(existing, properties, context);
    return existing.FileSystemId!;
  }
}

/** Whether an earlier call for this resource made it, which CloudFormation has given up. */
function isUnfinished(existing: FileSystemDescription, context: Context): boolean {
  const made = existing.CreationTime?.getTime() ?? 0;
  return belongsTo(existing.Tags, context) && stateOf(existing.Tags) === 'creating' && dataIn(existing) === 0
    && made > context.deletionBegan - LONGEST_CREATION_MILLISECONDS;
}

/** The state that a file system which is handed over keeps. */
function stateInUse({ Tags: tags }: FileSystemDescription): State | undefined {
  return stateOf(tags) === 'adopted' ? 'adopted' : undefined;
}

function foreignError(existing: FileSystemDescription, { Owner: owner, Adopt }: FileSystemProperties): Error {
  const { FileSystemId: id, CreationToken: token, Tags: tags } = existing;
  if (Adopt === 'NEVER') {
    return new Error(`file system ${id} has the creation token '${token}' already, and 'adopt' is NEVER: `
      + "choose another 'creationToken', or another 'adopt'");
  }
  const claimant = valueOf(tags, OWNERSHIP_TAGS.stackId);
  return new Error(`file system ${id} has the creation token '${token}' already, and CloudFormation does not list it as that of ${owner}`
    + `${claimant === undefined ? '' : ` (its tags name stack ${claimant})`}: if it is yours, set 'adoptFileSystemId' to ${id}, or 'adopt' to ALWAYS; `
    + 'otherwise choose another \'creationToken\', or delete that file system');
}
