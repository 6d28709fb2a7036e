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
  readonly description: string;
  policy: ResourcePolicy;
  readonly manager: 'AWS' | 'CUSTOMER';
  readonly created: number;
  enabled: boolean;
  deletion?: number;
}

export class Kms implements Service {
  public readonly signingName = 'kms';
  private readonly keys = new Map<string, Key>();
  /** Alias name, `alias/…`, → key id. */
  private readonly aliases = new Map<string, string>();

  constructor(private readonly clock: Clock) {
    for (const [name, service] of Object.entries(MANAGED)) {
      this.aliases.set(`alias/aws/${name}`, this.add(`Default key that protects my ${service} data`, managedPolicy(service), 'AWS').keyId);
    }
  }

  public createKey(
    { description = '', policy = DEFAULT_POLICY }: { description?: string; policy?: ResourcePolicy } = {},
  ): { keyId: string; arn: string } {
    const key = this.add(description, policy, 'CUSTOMER');
    return { keyId: key.keyId, arn: key.arn };
  }

  /** `name` with its prefix: `alias/images`. */
  public createAlias(name: string, keyId: string): void {
    if (!/^alias\/[\w/-]+$/.test(name)) {
      throw new ServiceError('ValidationException', 400, `Alias must start with the prefix "alias/", got ${name}`);
    }
    if (name.startsWith('alias/aws/')) { throw new ServiceError('NotAuthorizedException', 400, `${name} is reserved for AWS`); }
    if (this.aliases.has(name)) {
      throw new ServiceError('AlreadyExistsException', 400, `An alias with the name ${arn('kms', name)} already exists`);
    }
    this.aliases.set(name, this.find(keyId).keyId);
  }

  public deleteAlias(name: string): void {
    if (!this.aliases.delete(name)) { throw notFound(`Alias ${arn('kms', name)} is not found.`); }
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

  /** The key's ARN, from an id, a key ARN, an alias name or an alias ARN. */
  public resolve(keyId: string): string | undefined {
    return this.lookUp(keyId)?.arn;
  }

  public stateOf(keyId: string): KeyState | undefined {
    const key = this.lookUp(keyId);
    return key && stateOf(key);
  }

  /**
   * Refuses a use of a key as KMS does: an unknown key, a key that cannot be
   * used, or a caller to whom neither key policy nor identity policies allow it.
   */
  public authorize(call: Call, action: string, keyId: string, context: Context = {}): void {
    const key = this.find(keyId);
    this.require(call, action, key, context);
    if (stateOf(key) === 'PendingDeletion') { throw new ServiceError('KMSInvalidStateException', 400, `${key.arn} is pending deletion.`); }
    if (stateOf(key) === 'Disabled') { throw new ServiceError('DisabledException', 400, `${key.arn} is disabled.`); }
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
    const key = this.lookUp(keyId);
    if (!key && !id.startsWith('alias/')) {
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
    const names = [...this.aliases].filter(([name, id]) => this.lookUp(id) && (!wanted || id === wanted) && (!Marker || name > Marker)).sort();
    const page = names.slice(0, Limit);
    return {
      Aliases: page.map(([AliasName, TargetKeyId]) => ({ AliasName, AliasArn: arn('kms', AliasName), TargetKeyId })),
      Truncated: names.length > page.length,
      ...names.length > page.length && { NextMarker: page[page.length - 1][0] },
    };
  }

  private require(call: Call, action: string, key: Key, context: Context): void {
    const names = [...this.aliases].filter(([, id]) => id === key.keyId).map(([name]) => name);
    const full = { 'kms:CallerAccount': ACCOUNT, 'kms:ResourceAliases': names, ...context };
    // Asked in any case, so that the identity policy's grant counts as used.
    const byIdentity = call.allows(action, key.arn, full);
    const verdict = evaluate(key.policy, { caller: call.caller.arn, action, resource: key.arn, context: full });
    const allowed = verdict === 'delegated' ? byIdentity : verdict === 'allowed' && !call.caller.denies(action, key.arn, full);
    if (!allowed) { throw new AccessDenied(call.caller.arn, action, key.arn); }
  }

  private add(description: string, policy: ResourcePolicy, manager: Key['manager']): Key {
    const keyId = randomUUID();
    const key: Key = { keyId, arn: arn('kms', `key/${keyId}`), description, policy, manager, created: this.clock.now(), enabled: true };
    this.keys.set(keyId, key);
    return key;
  }

  private lookUp(keyId: string): Key | undefined {
    const [, region, account, resource] = /^arn:[^:]+:kms:([^:]+):(\d+):((?:key|alias)\/.+)$/.exec(keyId) ?? [undefined, REGION, ACCOUNT, undefined];
    if (region !== REGION || account !== ACCOUNT) { return undefined; }
    const name = resource?.replace(/^key\//, '') ?? keyId;
    const key = this.keys.get(this.aliases.get(name) ?? name);
    return key?.deletion !== undefined && key.deletion <= this.clock.now() ? undefined : key;
  }

  private find(keyId: string): Key {
    const key = this.lookUp(keyId);
    if (key) { return key; }
    if (keyId.includes('alias/')) { throw notFound(`Alias ${keyId.startsWith('arn:') ? keyId : arn('kms', keyId)} is not found.`); }
    if (/^(mrk-)?[0-9a-f-]{32,36}$/.test(keyId)) { throw notFound(`Key '${arn('kms', `key/${keyId}`)}' does not exist`); }
    throw notFound(keyId.startsWith('arn:') ? `Key '${keyId}' does not exist` : `Invalid keyId '${keyId}'`);
  }
}

function stateOf(key: Key): KeyState {
  return key.deletion !== undefined ? 'PendingDeletion' : key.enabled ? 'Enabled' : 'Disabled';
}

/** Whoever uses the service in this account may use its key through it; nobody may use it directly. */
function managedPolicy(service: string): ResourcePolicy {
  return {
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:CreateGrant', 'kms:DescribeKey'],
        Resource: '*',
        Condition: { StringEquals: { 'kms:CallerAccount': ACCOUNT, 'kms:ViaService': `${service}.${REGION}.amazonaws.com` } },
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
