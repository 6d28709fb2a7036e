import { Stack, type CfnResource } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import { MergedPolicies } from './merged-policies';
import { longestForm } from './token-forms';

/** IAM's limit on the characters of all inline policies of a role together, without white space. */
const MOST_INLINE_CHARACTERS = 10_240;
/** IAM's limit on the managed policies of a role, unless the account has a higher quota. */
const MOST_MANAGED_POLICIES = 10;

/** Refuses a template whose policies IAM would not attach to a role of this library. */
export function checkRoom(role: iam.Role): void {
  role.node.addValidation({
    validate: () => {
      const nodes = Stack.of(role).node.findAll();
      return [...inlineFaults(role, nodes), ...managedFaults(role, nodes)];
    },
  });
}

function inlineFaults(role: iam.Role, nodes: readonly IConstruct[]): string[] {
  const name = JSON.stringify(Stack.of(role).resolve(role.roleName));
  const documents = nodes.flatMap(node => inlineDocuments(node, role, name));
  let [characters, fitting] = [0, 0];
  for (const document of documents) {
    characters += longestForm(role, document);
    if (characters <= MOST_INLINE_CHARACTERS) { fitting++; }
  }
  return fitting === documents.length ? []
    : [`the ${documents.length} inline policies of this role must have at most ${MOST_INLINE_CHARACTERS} characters, got ${characters}, `
      + `of which ${fitting} policies fit: split the stack`];
}

function managedFaults(role: iam.Role, nodes: readonly IConstruct[]): string[] {
  const merged = nodes.filter((node): node is MergedPolicies => node instanceof MergedPolicies && node.isFor(role));
  const listed = nodes.filter(node => isOf(node, role))
    .flatMap(node => Stack.of(role).resolve((node as iam.CfnRole).managedPolicyArns) as unknown[] | undefined ?? []);
  const count = merged.reduce((sum, { attached }) => sum + attached, listed.length);
  return count <= MOST_MANAGED_POLICIES ? []
    : [`this role must have at most ${MOST_MANAGED_POLICIES} managed policies while the stack is updated, got ${count}: split the stack`];
}

/** @param name the role's, as JSON */
function inlineDocuments(resource: IConstruct & Partial<CfnResource>, role: iam.Role, name: string): unknown[] {
  const stack = Stack.of(resource);
  const isNamed = (names: unknown[] | undefined) => (names ?? []).some(one => JSON.stringify(one) === name);
  switch (resource.cfnResourceType) {
    case 'AWS::IAM::Policy': {
      const { roles, policyDocument } = resource as iam.CfnPolicy;
      return isNamed(stack.resolve(roles)) ? [policyDocument] : [];
    }
    case 'AWS::IAM::RolePolicy': {
      const { roleName, policyDocument } = resource as iam.CfnRolePolicy;
      return isNamed([stack.resolve(roleName)]) ? [policyDocument] : [];
    }
    case 'AWS::IAM::Role': {
      if (!isOf(resource, role)) { return []; }
      const policies = stack.resolve((resource as iam.CfnRole).policies) as iam.CfnRole.PolicyProperty[] | undefined ?? [];
      return policies.map(({ policyDocument }) => policyDocument);
    }
    default: return [];
  }
}

/** Whether a construct is the resource of the role. */
function isOf({ node }: IConstruct, role: iam.Role): boolean {
  return node.scope === role && node.id === 'Resource';
}
