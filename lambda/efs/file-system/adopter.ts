import type { FileSystemDescription } from '@aws-sdk/client-efs';
import type { Claims } from './claims';
import { differences } from './immutables';
import { ownersOf } from './owners';
import type { Creation, ReplacementGuard } from './replacement';
import { wasRetained } from './retained';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { log } from '../../shared/log';
import { belongsTo, valueOf } from '../../shared/ownership';
import type { Stacks } from '../../shared/stacks';
import type { Efs } from '../efs';

export interface AdopterServices {
  readonly efs: Efs;
  readonly stacks: Stacks;
}

/** Makes existing file systems this resource's. */
export class Adopter {
  constructor(private readonly services: AdopterServices, private readonly claims: Claims, private readonly guard: ReplacementGuard) {}

  /** Adopts the file system of `adoptFileSystemId`, including one that this library did not make. Throws if a stack still has it. */
  public async adoptNamed(creation: Creation): Promise<string> {
    const { properties: { AdoptFileSystemId: id }, wanted, context } = creation;
    const existing = await this.services.efs.fileSystem(id!);
    if (!existing || existing.LifeCycleState === 'deleting') {
      throw new Error(`'adoptFileSystemId' is ${id}, but there is no such file system`);
    }
    await this.guard.refuseReplacement(creation, async () => existing);
    const different = differences(existing, wanted);
    if (different.length > 0) {
      throw new Error(`'adoptFileSystemId' is ${id}, but its ${different.join(', its ')}: set the properties as they are`);
    }
    if (!belongsTo(existing.Tags, context)) {
      const [owner] = await ownersOf(existing, { ...this.services, context });
      if (owner !== undefined) { throw new Error(`'adoptFileSystemId' is ${id}, but ${owner}`); }
    }
    return this.claim(existing, creation);
  }

  /** Takes the file system that has the creation token already. Throws unless it is this resource's, or `adopt` allows it. */
  public async take(existing: FileSystemDescription, creation: Creation): Promise<string> {
    const { properties, wanted, context } = creation;
    if (!belongsTo(existing.Tags, context) && !await this.mayAdopt(existing, creation)) { throw foreignError(existing, properties); }

    const different = differences(existing, wanted);
    if (different.length > 0) {
      throw new Error(`file system ${existing.FileSystemId} has the creation token '${existing.CreationToken}' already, but its ${different.join(', its ')}: `
        + 'choose another \'creationToken\' for a new file system, or set the properties as they are');
    }
    return this.claim(existing, creation);
  }

  private async mayAdopt(existing: FileSystemDescription, { properties, context }: Creation): Promise<boolean> {
    switch (properties.Adopt ?? 'OWNED') {
      case 'ALWAYS': return true;
      case 'OWNED': return this.claims.isOfSameConstruct(existing, properties, context);
      default: return false;
    }
  }

  /** Claims the file system. Marks it as adopted, so that it is never deleted, if its data are older than the operation in hand. */
  private async claim(existing: FileSystemDescription, { properties, context }: Creation): Promise<string> {
    const id = existing.FileSystemId!;
    const isOwn = belongsTo(existing.Tags, context);
    if (!isOwn) { log({ event: 'file system adopted', id, from: valueOf(existing.Tags, OWNERSHIP_TAGS.stackId) }); }
    await this.claims.claim(existing, properties, context, isOwn && !wasRetained(existing, context) ? undefined : 'adopted');
    return id;
  }
}

function foreignError(existing: FileSystemDescription, { Owner: owner, Adopt }: FileSystemProperties): Error {
  const { FileSystemId: id, CreationToken: token, Tags: tags } = existing;
  if (Adopt === 'NEVER') {
    return new Error(`file system ${id} has the creation token '${token}' already, and 'adopt' is NEVER: `
      + "choose another 'creationToken', or another 'adopt'");
  }
  const claimant = valueOf(tags, OWNERSHIP_TAGS.stackId);
  const whose = claimant === undefined ? `was not made by ${owner}` : `belongs to stack ${claimant}`;
  return new Error(`file system ${id} has the creation token '${token}' already, and ${whose}: choose another 'creationToken', `
    + 'or delete that file system, or use it by FileSystem.fromFileSystemAttributes');
}
