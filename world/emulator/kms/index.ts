import { randomUUID } from 'crypto';
import type { Clock } from '../clock';
import { ACCOUNT, arn, PARTITION, REGION } from '../environment';
import type { Context } from '../iam';
import { AccessDenied, ServiceError, type Answer, type Call, type Service } from '../service';
import { evaluate, type ResourcePolicy } from './resource-policy';

const DAY = 24 * 60 * 60 * 1000;

/** The services whose AWS-managed keys exist from the start, under `alias/aws/…`: alias → service principal's prefix. */
const MANAGED: Record<string, string> = { elasticfilesystem: 'elasticfilesystem', ebs: 'ec2', s3: 's3' };

/** What a key is created with where nothing else is said, by the CDK too: the account's identity policies decide. */
const DEFAULT_POLICY: ResourcePolicy = {
  Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:${PARTITION}:iam::${ACCOUNT}:root` }, Action: 'kms:*', Resource: '*' }],
};

export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion';

interface Key {
  readonly keyId: string;
  readonly arn: string;
  readonly region: string;
  readonly description: string;
  policy: ResourcePolicy;
  readonly manager: 'AWS' | 'CUSTOMER';
  readonly created: number;
  enabled: boolean;
  deletion?: number;
}

/** Who asks for the use of a key. */
type Caller = Pick<Call, 'caller' | 'allows'>;

/** The account's keys in all Regions. Calls over HTTP reach those of the account's own Region. */
export class Kms implements Service {
  public readonly signingName = 'kms';
  private readonly keys = new Map<string, Key>();
  /** ARN of the alias → key id. */
  private readonly aliases = new Map<string, string>();

  constructor(private readonly clock: Clock) {
    this.addManaged(REGION);
  }

  public createKey(
    { description = '', policy = DEFAULT_POLICY, region = REGION }: { description?: string; policy?: ResourcePolicy; region?: string } = {},
  ): { keyId: string; arn: string } {
    this.addManaged(region);
    const key = this.add(description, policy, 'CUSTOMER', region);
    return { keyId: key.keyId, arn: key.arn };
  }

  /** `name` with its prefix: `alias/images`. The alias is in the Region of the key. */
  public createAlias(name: string, keyId: string): void {
    if (!/^alias\/[\w/-]+$/.test(name)) {
      throw new ServiceError('ValidationException', 400, `Alias must start with the prefix "alias/", got ${name}`);
    }
    if (name.startsWith('alias/aws/')) { throw new ServiceError('NotAuthorizedException', 400, `${name} is reserved for AWS`); }
    const key = this.keys.get(keyId) ?? this.find(keyId);
    const aliasArn = arn('kms', name, { region: key.region });
    if (this.aliases.has(aliasArn)) { throw new ServiceError('AlreadyExistsException', 400, `An alias with the name ${aliasArn} already exists`); }
    this.aliases.set(aliasArn, key.keyId);
  }

  public deleteAlias(name: string): void {
    if (!this.aliases.delete(arn('kms', name))) { throw notFound(`Alias ${arn('kms', name)} is not found.`); }
  }

  /** The key is unusable from now on, and gone after the waiting period. */
  public scheduleDeletion(keyId: string, days = 30): void {
    this.find(keyId).deletion = this.clock.now() + days * DAY;
  }

  public setEnabled(keyId: string, enabled: boolean): void {
    this.find(keyId).enabled = enabled;
  }

  public setPolicy(keyId: string, policy: ResourcePolicy = DEFAULT_POLICY): void {
    this.find(keyId).policy = policy;
  }

  /** The ARN of a key in a Region, from an id, a key ARN, an alias name or an alias ARN. undefined: it has no such key. */
  public resolve(keyId: string, region = REGION): string | undefined {
    return this.lookUp(keyId, region)?.arn;
  }

  public stateOf(keyId: string, region = REGION): KeyState | undefined {
    const key = this.lookUp(keyId, region);
    return key && stateOf(key);
  }

  /**
   * Refuses a use of a key as KMS does in a Region: an unknown key or one of another Region, a key that cannot be
   * used, or a caller to whom neither key policy nor identity policies allow it.
   */
  public authorize(call: Caller, action: string, keyId: string, context: Context = {}, region = REGION): void {
    const key = this.find(keyId, region);
    this.require(call, action, key, context);
    if (stateOf(key) === 'PendingDeletion') { throw new ServiceError('KMSInvalidStateException', 400, `${key.arn} is pending deletion.`); }
    if (stateOf(key) === 'Disabled') { throw new ServiceError('DisabledException', 400, `${key.arn} is disabled.`); }
  }

  /** Returns whether the policy of a key lets a service use it in its own name, as only the policy can. */
  public allowsService(service: string, action: string, keyId: string, context: Context): boolean {
    const key = this.find(keyId);
    return stateOf(key) === 'Enabled' && evaluate(key.policy, { caller: service, action, resource: key.arn, context }) === 'allowed';
  }

  public operation(call: Call): string {
    return String(call.headers['x-amz-target']).replace(/^TrentService\./, '');
  }

  public async handle(call: Call): Promise<Answer> {
    const input = JSON.parse(call.body.toString() || '{}') as Record<string, unknown>;
    switch (this.operation(call)) {
      case 'DescribeKey': return answer({ KeyMetadata: this.describeKey(call, input.KeyId) });
      case 'ListAliases': return answer(this.listAliases(call, input));
      default: throw new ServiceError('UnknownOperationException', 400, `the emulated KMS does not know ${this.operation(call)}`);
    }
  }

  public refuse({ code, status, message, members }: ServiceError): Answer {
    return answer({ __type: code, message, ...members }, status < 500 ? 400 : status);
  }

  private describeKey(call: Call, keyId: unknown): object {
    if (typeof keyId !== 'string' || keyId === '') {
      throw new ServiceError('ValidationException', 400,
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null");
    }
    const id = keyId.replace(/^arn:[^:]+:kms:[^:]+:\d+:/, '').replace(/^key\//, '');
    const key = this.lookUp(keyId, REGION);
    if (!key && !id.startsWith('alias/') && !isOfOtherRegion(keyId, REGION)) {
      // Whoever may not look at a key does not learn that there is none.
      call.authorize('kms:DescribeKey', arn('kms', `key/${id}`));
    }
    const found = key ?? this.find(keyId);
    this.require(call, 'kms:DescribeKey', found, id.startsWith('alias/') ? { 'kms:RequestAlias': id } : {});

    const state = stateOf(found);
    return {
      AWSAccountId: ACCOUNT,
      KeyId: found.keyId,
      Arn: found.arn,
      CreationDate: found.created / 1000,
      Enabled: state === 'Enabled',
      Description: found.description,
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeyState: state,
      ...found.deletion !== undefined && { DeletionDate: found.deletion / 1000 },
      Origin: 'AWS_KMS',
      KeyManager: found.manager,
      KeySpec: 'SYMMETRIC_DEFAULT',
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      MultiRegion: false,
    };
  }

  private listAliases(call: Call, { KeyId, Limit = 50, Marker }: { KeyId?: string; Limit?: number; Marker?: string }): object {
    call.authorize('kms:ListAliases', '*');
    const wanted = KeyId === undefined ? undefined : this.find(KeyId).keyId;
    const names = [...this.aliases].filter(([, id]) => this.lookUp(id, REGION) && (!wanted || id === wanted))
      .map(([aliasArn, id]): [string, string] => [nameOf(aliasArn), id]).filter(([name]) => !Marker || name > Marker).sort();
    const page = names.slice(0, Limit);
    return {
      Aliases: page.map(([AliasName, TargetKeyId]) => ({ AliasName, AliasArn: arn('kms', AliasName), TargetKeyId })),
      Truncated: names.length > page.length,
      ...names.length > page.length && { NextMarker: page[page.length - 1][0] },
    };
  }

  private require(call: Caller, action: string, key: Key, context: Context): void {
    const names = [...this.aliases].filter(([, id]) => id === key.keyId).map(([aliasArn]) => nameOf(aliasArn));
    const full = { 'kms:CallerAccount': ACCOUNT, 'kms:ResourceAliases': names, ...context };
    // Asked in any case, so that the identity policy's grant counts as used.
    const byIdentity = call.allows(action, key.arn, full);
    const verdict = evaluate(key.policy, { caller: call.caller.arn, action, resource: key.arn, context: full });
    const allowed = verdict === 'delegated' ? byIdentity : verdict === 'allowed' && !call.caller.denies(action, key.arn, full);
    if (!allowed) { throw new AccessDenied(call.caller.arn, action, key.arn); }
  }

  /** Makes the keys that AWS manages in a Region. */
  private addManaged(region: string): void {
    for (const [name, service] of Object.entries(MANAGED)) {
      const aliasArn = arn('kms', `alias/aws/${name}`, { region });
      if (this.aliases.has(aliasArn)) { continue; }
      this.aliases.set(aliasArn, this.add(`Default key that protects my ${service} data`, managedPolicy(service, region), 'AWS', region).keyId);
    }
  }

  private add(description: string, policy: ResourcePolicy, manager: Key['manager'], region: string): Key {
    const keyId = randomUUID();
    const key: Key = {
      keyId, arn: arn('kms', `key/${keyId}`, { region }), region, description, policy, manager, created: this.clock.now(), enabled: true,
    };
    this.keys.set(keyId, key);
    return key;
  }

  private lookUp(keyId: string, region: string): Key | undefined {
    this.addManaged(region);
    const parts = ARN.exec(keyId);
    if (parts && (parts[1] !== region || parts[2] !== ACCOUNT)) { return undefined; }
    const name = parts?.[3].replace(/^key\//, '') ?? keyId;
    const key = this.keys.get(this.aliases.get(arn('kms', name, { region })) ?? name);
    return key?.region !== region || (key.deletion !== undefined && key.deletion <= this.clock.now()) ? undefined : key;
  }

  private find(keyId: string, region = REGION): Key {
    const key = this.lookUp(keyId, region);
    if (key) { return key; }
    if (isOfOtherRegion(keyId, region)) { throw notFound(`Invalid arn ${ARN.exec(keyId)![1]}`); }
    if (keyId.includes('alias/')) { throw notFound(`Alias ${keyId.startsWith('arn:') ? keyId : arn('kms', keyId, { region })} is not found.`); }
    if (/^(mrk-)?[0-9a-f-]{32,36}$/.test(keyId)) { throw notFound(`Key '${arn('kms', `key/${keyId}`, { region })}' does not exist`); }
    throw notFound(keyId.startsWith('arn:') ? `Key '${keyId}' does not exist` : `Invalid keyId '${keyId}'`);
  }
}

/** Region, account and resource of a key or an alias. */
const ARN = /^arn:[^:]+:kms:([^:]+):(\d+):((?:key|alias)\/.+)$/;

function isOfOtherRegion(keyId: string, region: string): boolean {
  return (ARN.exec(keyId)?.[1] ?? region) !== region;
}

/** The name of an alias, `alias/…`. */
function nameOf(aliasArn: string): string {
  return ARN.exec(aliasArn)![3];
}

function stateOf(key: Key): KeyState {
  return key.deletion !== undefined ? 'PendingDeletion' : key.enabled ? 'Enabled' : 'Disabled';
}

/** Whoever uses the service in this account may use its key through it; nobody may use it directly. */
function managedPolicy(service: string, region: string): ResourcePolicy {
  return {
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:CreateGrant', 'kms:DescribeKey'],
        Resource: '*',
        Condition: { StringEquals: { 'kms:CallerAccount': ACCOUNT, 'kms:ViaService': `${service}.${region}.amazonaws.com` } },
      },
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:${PARTITION}:iam::${ACCOUNT}:root` },
        Action: ['kms:Describe*', 'kms:Get*', 'kms:List*', 'kms:RevokeGrant'],
        Resource: '*',
      },
    ],
  };
}

function notFound(message: string): ServiceError {
  return new ServiceError('NotFoundException', 400, message);
}

function answer(body: object, status = 200): Answer {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: JSON.stringify(body) };
}
