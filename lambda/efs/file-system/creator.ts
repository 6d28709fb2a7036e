import { setTimeout as sleep } from 'node:timers/promises';
import { CreateFileSystemCommand, type PerformanceMode } from '@aws-sdk/client-efs';
import type { Efs } from '../efs';
import type { Adopter } from './adopter';
import { tagsOfClaim } from './claims';
import { tokenOf } from './immutables';
import type { Creation, ReplacementGuard } from './replacement';
import { nameOthers, type SuccessorServices } from './successors';
import { throughputOf } from './throughput';
import { outcomeOf } from '../../shared/at-once';
import { isNamed } from '../../shared/errors';

export interface CreatorServices extends SuccessorServices {
  readonly efs: Efs;
}

/** A deletion takes EFS some seconds; a function has two minutes. */
const WAIT_FOR_DELETION_MILLISECONDS = 60_000;
const PAUSE_MILLISECONDS = 3_000;

/** Makes the file system with the creation token of the properties, or takes the one that exists. */
export class Creator {
  constructor(private readonly services: CreatorServices, private readonly adopter: Adopter, private readonly guard: ReplacementGuard) {}

  /** Returns the id of a new file system, or of one that an earlier attempt made or CloudFormation retained. */
  public async create(creation: Creation): Promise<string> {
    const { properties, context } = creation;
    await this.guard.refuseReplacement(creation, () => this.services.efs.fileSystemWithToken(tokenOf(properties)));
    // A replacement is meant to have another derived token.
    const hasDerivedToken = properties.CreationToken === undefined;
    if (hasDerivedToken && context.old === undefined && properties.Adopt !== 'NEVER') {
      const earlier = await this.guard.earlier(creation);
      if (earlier) { return this.adopter.take(earlier, creation); }
      const [id] = await Promise.allSettled([this.make(creation), nameOthers(properties, context, this.services)]);
      return outcomeOf(id);
    }
    return this.make(creation);
  }

  /** Makes a file system with the token of the properties. If there is one, takes that. */
  private async make(creation: Creation): Promise<string> {
    const { properties } = creation;
    const token = tokenOf(properties);
    const end = Date.now() + WAIT_FOR_DELETION_MILLISECONDS;
    for (;;) {
      const id = await this.createNew(creation, token);
      if (id !== undefined) { return id; }
      // The token may be in use by the file system of this very call, if the answer to an earlier attempt was lost.
      const existing = await this.services.efs.fileSystemWithToken(token);
      if (existing && existing.LifeCycleState !== 'deleting') { return this.adopter.take(existing, creation); }
      if (Date.now() > end) {
        throw new Error(`the creation token '${token}' still belongs to file system ${existing?.FileSystemId}, `
          + 'which is being deleted: deploy again when it is gone, or choose another \'creationToken\'');
      }
      await sleep(PAUSE_MILLISECONDS);
    }
  }

  /** Returns the id of a new file system; undefined if the creation token is in use. */
  private async createNew({ properties, wanted, context }: Creation, token: string): Promise<string | undefined> {
    try {
      const { FileSystemId: id } = await this.services.efs.call('CreateFileSystem', client => client.send(new CreateFileSystemCommand({
        CreationToken: token,
        Encrypted: wanted.encrypted,
        KmsKeyId: wanted.kmsKey,
        PerformanceMode: wanted.performanceMode as PerformanceMode,
        AvailabilityZoneName: wanted.availabilityZoneName,
        ...throughputOf(properties),
        Tags: [
          ...(properties.FileSystemTags ?? []).map(({ Key, Value }) => ({ Key, Value })),
          ...tagsOfClaim(properties, context, { state: 'creating' }),
        ],
      })));
      return id!;
    } catch (error) {
      if (isNamed(error, 'FileSystemAlreadyExists')) { return undefined; }
      throw error;
    }
  }
}
