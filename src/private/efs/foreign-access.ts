import { createHash } from 'crypto';
import type * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct, IConstruct } from 'constructs';
import { factsOf } from './owned-file-system';
import type { EfsProvider } from './provider';
import { rootStackOf } from '../resource/owner';
import { nameOfValue } from '../resource/token-forms';

export interface AccessProps {
  readonly provider: EfsProvider;
  readonly statements: Omit<iam.PolicyStatementProps, 'resources'>[];
}

/**
 * Grants to the EFS handlers what a construct does to a file system that is
 * not made in the same root stack; such ones they may change in any case.
 * undefined: nothing to grant. Otherwise the custom resource must depend on it.
 */
export function grantOnForeign(
  scope: Construct, { fileSystem, ...props }: AccessProps & { readonly fileSystem: efs.IFileSystem },
): IConstruct | undefined {
  if (factsOf(fileSystem) && rootStackOf(fileSystem) === rootStackOf(scope)) { return undefined; }
  return grantOn({ id: fileSystem.fileSystemId, arn: fileSystem.fileSystemArn, ...props });
}

/** Grants what a construct does to something of EFS that belongs to others. Its Delete needs that too. */
export function grantOn({ provider, id, arn, statements }: AccessProps & { readonly id: string; readonly arn: string }): IConstruct {
  const onThing = statements.map((statement): iam.PolicyStatementProps => ({ ...statement, resources: [arn] }));
  return provider.foreign.canName(onThing) ? provider.foreign.grant(onThing) : ownPolicy(provider, id, onThing);
}

/**
 * Returns the policy for one thing and one kind of construct, whose content never changes while there is such a construct.
 *
 * The id of the thing is in the name of the policy, and another name means another policy: the former one goes after the Deletes of what
 * was at the former thing. `AWS::IAM::Policy` would be changed in place, so it is the other type.
 */
function ownPolicy(provider: EfsProvider, id: string, statements: iam.PolicyStatementProps[]): IConstruct {
  const digest = createHash('sha256').update(nameOfValue(provider, statements)).digest('hex').slice(0, 8);
  const name = `OwnAccess${digest}`;
  return provider.node.tryFindChild(name) ?? new iam.CfnRolePolicy(provider, name, {
    roleName: provider.role.roleName,
    policyName: `${digest}-${id}`,
    policyDocument: new iam.PolicyDocument({ statements: statements.map(statement => new iam.PolicyStatement(statement)) }),
  });
}
