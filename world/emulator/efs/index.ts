import type { Clock } from '../clock';
import { REGION } from '../environment';
import { Principals } from '../principals';
import { RestJsonModel } from '../rest-json';
import { ServiceError, type Answer, type Call, type Service } from '../service';
import { accessPointOperations } from './access-points';
import { Account } from './account';
import { configurationOperations } from './configuration';
import { fileSystemOperations } from './file-systems';
import { mountTargetOperations } from './mount-targets';
import type { EfsOptions, Keys, Network } from './options';
import { refuseElsewhere, replicationOperations } from './replication';
import type { Operations } from './requests';
import type { AccessPoint, FileSystem, MountTarget, Replication } from './state';
import { taggingOperations } from './tagging';

export { DURATIONS, LIMITS, type EfsOptions, type Keys, type Network } from './options';
export type { AccessPoint, FileSystem, MountTarget } from './state';

/** Amazon EFS of one account in one Region, as `reference/efs-api.md` describes it. */
export class Efs implements Service {
  public readonly signingName = 'elasticfilesystem';
  private readonly model = RestJsonModel.load('efs-2015-02-01');
  private readonly account: Account;
  private readonly operations: Operations;
  private bucket: { tokens: number; at: number };

  constructor(
    private readonly clock: Clock, network: Network, keys: Keys, private readonly options: EfsOptions = {}, principals = new Principals(),
  ) {
    this.account = new Account(clock, { network, keys, principals }, options);
    this.operations = {
      ...fileSystemOperations(this.account),
      ...mountTargetOperations(this.account),
      ...accessPointOperations(this.account),
      ...taggingOperations(this.account),
      ...configurationOperations(this.account),
      ...replicationOperations(this.account),
    };
    this.bucket = { tokens: options.callsPerSecond ?? 0, at: clock.now() };
  }

  /** Those that are not gone yet. */
  public get fileSystems(): FileSystem[] {
    return this.account.fileSystems;
  }

  /** In other Regions: destinations of replications from here. */
  public get replicas(): FileSystem[] {
    return this.account.everywhere.filter(({ region }) => region !== REGION);
  }

  public get replications(): Replication[] {
    return this.account.replications;
  }

  public get mountTargets(): MountTarget[] {
    return this.account.mountTargets;
  }

  public get accessPoints(): AccessPoint[] {
    return this.account.accessPoints;
  }

  public get serviceLinkedRoleExists(): boolean {
    return this.account.serviceLinkedRoleExists;
  }

  public set serviceLinkedRoleExists(exists: boolean) {
    this.account.serviceLinkedRoleExists = exists;
  }

  /** Removes what is deleted by now, and its network interfaces; every call does so too. */
  public settle(): void {
    this.account.settle();
  }

  /** As if clients had written that much. */
  public setSizeInBytes(fileSystemId: string, bytes: number): void {
    const fileSystem = this.fileSystems.find(({ id }) => id === fileSystemId);
    if (!fileSystem) { throw new Error(`there is no file system ${fileSystemId}`); }
    fileSystem.sizeInBytes = bytes;
    fileSystem.sizeMeasuredAt = new Date(this.clock.now());
  }

  /** Puts a file system or mount target into state `error`, where it stays until it is deleted. */
  public fail(id: string): void {
    const thing = [...this.fileSystems, ...this.mountTargets].find(candidate => candidate.id === id);
    if (!thing) { throw new Error(`there is no file system or mount target ${id}`); }
    thing.phase.settle('error');
  }

  public operation(call: Call): string {
    return this.model.operation(call);
  }

  public async handle(call: Call): Promise<Answer> {
    this.throttle();
    const name = this.operation(call);
    if (name === '') { throw new ServiceError('UnknownOperationException', 404, `EFS has no operation ${call.method} ${call.path}`); }
    refuseElsewhere(call, name);
    const operation = this.operations[name];
    if (!operation) { throw new ServiceError('NotImplemented', 501, `the emulated EFS does not know ${name}`); }
    return this.model.answer(name, operation(call, this.model.input(call)) ?? {});
  }

  public refuse(error: ServiceError): Answer {
    // The rate limit is kept by what stands before EFS; it does not answer as EFS's own model says (429, ErrorCode).
    if (error.code === 'ThrottlingException' && error.status === 400) {
      return {
        status: 400,
        headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
        body: JSON.stringify({ message: error.message }),
      };
    }
    return this.model.refuse(error);
  }

  private throttle(): void {
    const rate = this.options.callsPerSecond;
    if (rate === undefined) { return; }
    const now = this.clock.now();
    const tokens = Math.min(Math.max(rate, 1), this.bucket.tokens + (now - this.bucket.at) / 1000 * rate);
    this.bucket = { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now };
    if (tokens < 1) { throw new ServiceError('ThrottlingException', 400, 'Rate exceeded'); }
  }
}
