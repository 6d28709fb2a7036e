import { AspectPriority, Aspects, type CfnResource, type IAspect, Names, NestedStack, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import { rootStackOf } from './owner';

/** `Validations.ACKNOWLEDGED_RULES_METADATA_KEY`, which aws-cdk-lib has since 2.257.0 only. */
const ACKNOWLEDGED_RULES = 'aws:cdk:acknowledged-rules';

/**
 * Tells checkers that read the acknowledged rules of aws-cdk-lib, such as
 * cdk-nag, why parts of this library are as they are. The user's app may use
 * none of them, and this library depends on none.
 */
export function acknowledge(scope: IConstruct, reasons: Record<string, string>): void {
  // Not by `acknowledge()` of Validations, which takes no ARN in an id.
  scope.node.addMetadata(ACKNOWLEDGED_RULES, reasons);
}

/** For all policies at or below a construct. The ids of such findings hold the resources, which are known at the end. */
export function acknowledgeWildcards(scope: IConstruct, reason: string): void {
  Aspects.of(scope).add(new Wildcards(reason), { priority: AspectPriority.READONLY });
}

const NETWORK_POLICY = 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaENIManagementAccess]';

/** Of all functions and state machines of a service. */
export function acknowledgeFunctions(scope: IConstruct): void {
  acknowledge(scope, {
    [NETWORK_POLICY]: 'It holds what any function needs to run in a VPC',
    'AwsSolutions-L1': 'The runtime is the one that the code is tested on',
    'AwsSolutions-SF1': 'Step Functions keeps the history of executions, and the functions log what they do',
    'AwsSolutions-SF2': 'What a trace would show is in the metrics and logs of the functions',
  });
  acknowledgeWildcards(scope, 'What this library made is known by its tags, by which statements are narrowed; reading cannot be, nor versions of a function');
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
}

class Wildcards implements IAspect {
  constructor(private readonly reason: string) {}

  public visit(node: IConstruct): void {
    const wild = documentsOf(node).flatMap(({ Statement = [] }) => Statement).filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action, Resource }) => [
      ...[Action].flat().map(action => `Action::${action}`),
      ...[Resource].flat().map(resource => `Resource::${flat(resource)}`),
    ]).filter(finding => finding.includes('*'));
    if (wild.length > 0) { acknowledge(node, Object.fromEntries(withNamesOfRoot(node, wild).map(finding => [`AwsSolutions-IAM5[${finding}]`, this.reason]))); }
  }
}

/** In a nested stack, a parameter becomes the name of the root stack when the template is written. The findings show that parameter. */
function withNamesOfRoot(node: IConstruct, findings: readonly string[]): string[] {
  if (!NestedStack.isNestedStack(Stack.of(node))) { return [...findings]; }
  const parameter = `referenceto${Names.nodeUniqueId(rootStackOf(node).node)}AWSStackName`;
  return findings.flatMap(finding => [finding, ...finding.includes('<AWS::StackName>') ? [finding.replaceAll('<AWS::StackName>', `<${parameter}>`)] : []]);
}

/** The documents of a policy, or of those that stand in a role. */
function documentsOf(node: IConstruct): { readonly Statement?: Statement[] }[] {
  const resolve = (document: unknown) => Stack.of(node).resolve(document) as { Statement?: Statement[] } | undefined ?? {};
  switch ((node as Partial<CfnResource>).cfnResourceType) {
    case 'AWS::IAM::Policy':
    case 'AWS::IAM::RolePolicy':
    case 'AWS::IAM::ManagedPolicy': return [resolve((node as iam.CfnPolicy).policyDocument)];
    case 'AWS::IAM::Role': return (Stack.of(node).resolve((node as iam.CfnRole).policies) as iam.CfnRole.PolicyProperty[] | undefined ?? [])
      .map(({ policyDocument }) => resolve(policyDocument));
    default: return [];
  }
}

/** A value of a template as the findings show it: `<Bucket.Arn>/transfers/*`. */
function flat(value: unknown): string {
  if (typeof value === 'string') { return value.replace(/\${/g, '<').replace(/}/g, '>'); }
  const [[name, argument]] = Object.entries(value as object);
  switch (name) {
    case 'Ref': return `<${argument}>`;
    case 'Fn::GetAtt': return `<${argument.join('.')}>`;
    case 'Fn::Join': return argument[1].map(flat).join(argument[0]);
    default: return JSON.stringify(value);
  }
}
