import { Stack, type CfnResource } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { MergedPolicies } from './merged-policies';
import { longestForm } from './token-forms';

/** IAM's limit on the characters of all inline policies of a role together, without white space. */
const MOST_INLINE_CHARACTERS = 10_240;
/** IAM's limit on the managed policies of a role, unless the account has a higher quota. */
const MOST_MANAGED_POLICIES = 10;

/** Refuses a template whose policies IAM would not attach to a role of this library. */
export function checkRoom(role: iam.Role): void {
  role.node.addValidation({ validate: () => [...inlineFaults(role), ...managedFaults(role)] });
}

function inlineFaults(role: iam.Role): string[] {
  const documents = resourcesOf(role).flatMap(resource => inlineDocuments(resource, role));
  let [characters, fitting] = [0, 0];
  for (const document of documents) {
    characters += longestForm(role, document);
    if (characters <= MOST_INLINE_CHARACTERS) { fitting++; }
  }
  return fitting === documents.length ? []
    : [`the ${documents.length} inline policies of this role must have at most ${MOST_INLINE_CHARACTERS} characters, got ${characters}, `
      + `of which ${fitting} policies fit: split the stack`];
}

function managedFaults(role: iam.Role): string[] {
  const merged = Stack.of(role).node.findAll().filter((node): node is MergedPolicies => node instanceof MergedPolicies && node.isFor(role));
  const listed = resourcesOf(role).filter(resource => resource.cfnResourceType === 'AWS::IAM::Role' && isOf(resource, role))
    .flatMap(resource => Stack.of(role).resolve((resource as iam.CfnRole).managedPolicyArns) as unknown[] | undefined ?? []);
  const count = merged.reduce((sum, { attached }) => sum + attached, listed.length);
  return count <= MOST_MANAGED_POLICIES ? []
    : [`this role must have at most ${MOST_MANAGED_POLICIES} managed policies while the stack is updated, got ${count}: split the stack`];
}

function resourcesOf(role: iam.Role): CfnResource[] {
  return Stack.of(role).node.findAll().filter((node): node is CfnResource => (node as Partial<CfnResource>).cfnResourceType !== undefined);
}

function inlineDocuments(resource: CfnResource, role: iam.Role): unknown[] {
  const stack = Stack.of(resource);
  switch (resource.cfnResourceType) {
    case 'AWS::IAM::Policy': {
      const { roles, policyDocument } = resource as iam.CfnPolicy;
      return includes(stack.resolve(roles), stack.resolve(role.roleName)) ? [policyDocument] : [];
    }
    case 'AWS::IAM::RolePolicy': {
      const { roleName, policyDocument } = resource as iam.CfnRolePolicy;
      return includes([stack.resolve(roleName)], stack.resolve(role.roleName)) ? [policyDocument] : [];
    }
    case 'AWS::IAM::Role': {
      const policies = stack.resolve((resource as iam.CfnRole).policies) as iam.CfnRole.PolicyProperty[] | undefined ?? [];
      return isOf(resource, role) ? policies.map(({ policyDocument }) => policyDocument) : [];
    }
    default: return [];
  }
}

function isOf(resource: CfnResource, role: iam.Role): boolean {
  return resource.node.scope === role;
}

function includes(names: unknown[] | undefined, name: unknown): boolean {
  return (names ?? []).some(one => JSON.stringify(one) === JSON.stringify(name));
}
