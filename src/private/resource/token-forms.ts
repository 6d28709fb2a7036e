import { DefaultTokenResolver, Reference, Stack, StringConcat, Token, Tokenization, type CfnElement, type CfnResource, type IPostProcessor, type IResolvable, type IResolveContext } from 'aws-cdk-lib';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import type { IConstruct } from 'constructs';

/** Characters of values that are known only at deployment, if nothing more is known of them. */
const LONGEST = 200;

/** Characters of what `Ref` and `Fn::GetAtt` return, by resource type and attribute. */
const LONGEST_OF: Record<string, Record<string, number>> = {
  'AWS::KMS::Key': { Arn: 85, Ref: 36, KeyId: 36 },
  'AWS::S3::Bucket': { Arn: 80, Ref: 63 },
  'AWS::EFS::FileSystem': { Arn: 92, Ref: 20, FileSystemId: 20 },
  'AWS::EFS::AccessPoint': { Arn: 95, Ref: 22, AccessPointId: 22 },
  'Custom::FileSystem': { Arn: 92, Ref: 20 },
  'Custom::FileSystemLookup': { FileSystemId: 20 },
  'Custom::SnapshotImport': { Ref: 22 },
};

const LONGEST_PARTITION = 'aws-us-gov'.length;
const LONGEST_REGION = 'ap-northeast-1'.length;
const LONGEST_STACK_NAME = 128;

/** Returns the characters that a value has in JSON. Tokens count with the longest value that they may have. */
export function longestForm(scope: IConstruct, value: unknown): number {
  return JSON.stringify(resolved(scope, value, token => 'x'.repeat(lengthOf(scope, token)))).length;
}

/** Returns a name of a value that is the same in every synthesis, although tokens are numbered anew, and differs if the value may differ. */
export function nameOfValue(scope: IConstruct, value: unknown): string {
  return JSON.stringify(resolved(scope, value, token =>
    Reference.isReference(token) ? `<${deployedNameOf(token.target)}.${token.displayName}>` : JSON.stringify(token)));
}

/**
 * Returns a name that two values have in common only if they are certainly equal, wherever in the app they are used. A value that refers to
 * one resource or parameter is the same in every stack; any other value that is known only at deployment may differ between stacks.
 */
export function nameInApp(scope: IConstruct, value: unknown): string {
  let differs = false;
  const name = JSON.stringify(resolved(scope, value, token => {
    const isReference = Reference.isReference(token);
    if (!isReference || token.displayName.startsWith('AWS::')) { differs = true; }
    return isReference ? `<${token.target.node.addr}.${token.displayName}>` : JSON.stringify(token);
  }));
  return differs ? `${Stack.of(scope).node.addr} ${name}` : name;
}

/** Returns the stack and the logical id of what a reference leads to, also through nested stacks. */
function deployedNameOf(target: IConstruct): string {
  const stack = Stack.of(target);
  const id = stack.resolve((target as CfnElement).logicalId) as string;
  return stack.nestedStackResource ? `${deployedNameOf(stack.nestedStackResource)}/${id}` : `${stack.stackName}/${id}`;
}

/** Returns the references in a value to resources and parameters. Pseudo parameters are left out. */
export function referencesIn(scope: IConstruct, value: unknown): Reference[] {
  const references: Reference[] = [];
  resolved(scope, value, token => {
    if (Reference.isReference(token) && !token.displayName.startsWith('AWS::')) { references.push(token); }
    return '';
  });
  return references;
}

/** The type of the resource to which a reference leads; undefined: it leads to a parameter. */
export function typeOf({ target }: Reference): string | undefined {
  return (target as Partial<CfnResource>).cfnResourceType;
}

/** A reference, or what a template has in its place. */
type Unresolved = Reference | Record<string, unknown>;

function resolved(scope: IConstruct, value: unknown, form: (token: Unresolved) => string): unknown {
  return Tokenization.resolve(value, { scope, resolver: new FormResolver(form), preparing: false });
}

class FormResolver extends DefaultTokenResolver {
  constructor(private readonly form: (token: Unresolved) => string) {
    super(new StringConcat());
  }

  public override resolveToken(token: IResolvable, context: IResolveContext, postProcessor: IPostProcessor): unknown {
    if (Reference.isReference(token)) { return this.form(token); }
    const value = super.resolveToken(token, context, postProcessor) as unknown;
    return isIntrinsic(value) ? this.form(value) : value;
  }
}

function isIntrinsic(value: unknown): value is Record<string, unknown> {
  const keys = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  return keys.length === 1 && /^(Ref$|Fn::)/.test(keys[0]);
}

function lengthOf(scope: IConstruct, token: Unresolved): number {
  if (Reference.isReference(token)) {
    const name = token.displayName;
    return name.startsWith('AWS::') ? pseudoLength(scope, name) : LONGEST_OF[typeOf(token) ?? '']?.[name] ?? LONGEST;
  }
  const [[name, argument]] = Object.entries(token);
  switch (name) {
    case 'Ref': return pseudoLength(scope, String(argument));
    case 'Fn::Join': {
      const [delimiter, parts] = argument as [string, unknown[] | string];
      return Array.isArray(parts) ? parts.reduce<number>((sum, part) => sum + String(part).length + delimiter.length, 0) : LONGEST;
    }
    case 'Fn::Sub': return typeof argument === 'string' ? substitutedLength(scope, argument) : LONGEST;
    default: return LONGEST;
  }
}

function substitutedLength(scope: IConstruct, text: string): number {
  return text.replace(/\$\{([^}]+)\}/g, (_, name: string) => 'x'.repeat(pseudoLength(scope, name))).length;
}

function pseudoLength(scope: IConstruct, name: string): number {
  const { region, stackName } = Stack.of(scope);
  const known = (value: string) => Token.isUnresolved(value) ? undefined : value;
  const regionLength = known(region)?.length ?? LONGEST_REGION;
  const partitionLength = (known(region) === undefined ? undefined : RegionInfo.get(region).partition)?.length ?? LONGEST_PARTITION;
  const nameLength = known(stackName)?.length ?? LONGEST_STACK_NAME;
  switch (name) {
    case 'AWS::Partition': return partitionLength;
    case 'AWS::Region': return regionLength;
    case 'AWS::AccountId': return 12;
    case 'AWS::StackName': return nameLength;
    case 'AWS::StackId': return `arn::cloudformation::${'x'.repeat(12)}:stack//`.length + partitionLength + regionLength + nameLength + 36;
    default: return LONGEST;
  }
}
