import { ACCOUNT, PARTITION } from '../../emulator/environment';
import type { Handler } from '../handler';
import type { PolicyDocument, RoleProperties } from '../iam';
import type { Properties } from '../stack';
import { listOf, nameOf, type Context } from './context';

export function iamHandlers({ iam }: Context): Record<string, Handler> {
  const inlineNames = (properties: Properties) => listOf(properties.Policies).map(({ PolicyName }) => String(PolicyName));
  const attributes = (name: string, stack: { ids: { hex(length: number): string } }) =>
    ({ Arn: iam.role(name).arn, RoleId: `AROA${stack.ids.hex(17).toUpperCase()}` });
  const putInline = (name: string, properties: Properties) => {
    const role = iam.role(name);
    for (const { PolicyName, PolicyDocument: document } of listOf(properties.Policies)) { role.putPolicy(PolicyName, document); }
  };

  const role: Handler = {
    immutable: ['RoleName', 'Path'],
    create: request => {
      const { stack, logicalId, properties } = request;
      const name = nameOf(request, properties.RoleName, 64);
      iam.createRole(name, stack.name, logicalId, roleProperties(properties));
      putInline(name, properties);
      return { physicalId: name, attributes: attributes(name, stack) };
    },
    update: ({ properties, stack }, before) => {
      const name = before.physicalId!;
      // Policies attached by AWS::IAM::ManagedPolicy resources stay.
      const others = iam.role(name).properties.managed.filter(managed => !listOf(before.properties.ManagedPolicyArns).includes(managed));
      const changed = roleProperties(properties);
      iam.updateRole(name, { ...changed, managed: [...new Set([...changed.managed, ...others])] });
      inlineNames(before.properties).filter(old => !inlineNames(properties).includes(old)).forEach(old => iam.role(name).removePolicy(old));
      putInline(name, properties);
      return { physicalId: name, attributes: { ...attributes(name, stack), RoleId: before.attributes.RoleId } };
    },
    delete: ({ physicalId }) => iam.deleteRole(physicalId!),
  };

  const policy: Handler = {
    immutable: ['PolicyName'],
    create: request => {
      for (const name of rolesOf(request.properties)) { iam.role(name).putPolicy(request.properties.PolicyName, request.properties.PolicyDocument); }
      return { physicalId: nameOf(request, undefined) };
    },
    update: ({ properties }, before) => {
      for (const name of rolesOf(properties)) { iam.role(name).putPolicy(properties.PolicyName, properties.PolicyDocument); }
      rolesOf(before.properties).filter(old => !rolesOf(properties).includes(old)).forEach(old => iam.find(old)?.removePolicy(properties.PolicyName));
      return { physicalId: before.physicalId! };
    },
    delete: ({ properties }) => rolesOf(properties).forEach(name => iam.find(name)?.removePolicy(properties.PolicyName)),
  };

  /** One role's, unlike AWS::IAM::Policy; another name is another policy. */
  const rolePolicy: Handler = {
    immutable: ['PolicyName', 'RoleName'],
    create: ({ properties: { PolicyName, RoleName, PolicyDocument: document } }) => {
      iam.role(RoleName).putPolicy(PolicyName, document);
      return { physicalId: `${PolicyName}|${RoleName}` };
    },
    update: ({ properties: { PolicyName, RoleName, PolicyDocument: document } }, before) => {
      iam.role(RoleName).putPolicy(PolicyName, document);
      return { physicalId: before.physicalId! };
    },
    delete: ({ properties: { PolicyName, RoleName } }) => iam.find(RoleName)?.removePolicy(PolicyName),
  };

  const attach = (arn: string, roles: string[]) => roles.forEach(name => {
    const { properties } = iam.role(name);
    if (!properties.managed.includes(arn)) { iam.updateRole(name, { ...properties, managed: [...properties.managed, arn] }); }
  });
  const detach = (arn: string, roles: string[]) => roles.forEach(name => {
    const found = iam.find(name);
    if (found) { iam.updateRole(name, { ...found.properties, managed: found.properties.managed.filter(other => other !== arn) }); }
  });

  const managedPolicy: Handler = {
    immutable: ['ManagedPolicyName', 'Path', 'Description'],
    create: request => {
      const { ManagedPolicyName, Path = '/', PolicyDocument: document } = request.properties;
      const arn = `arn:${PARTITION}:iam::${ACCOUNT}:policy${Path}${nameOf(request, ManagedPolicyName, 128)}`;
      iam.putManagedPolicy(arn, document as PolicyDocument);
      attach(arn, rolesOf(request.properties));
      return { physicalId: arn, attributes: { PolicyArn: arn } };
    },
    update: ({ properties }, before) => {
      iam.putManagedPolicy(before.physicalId!, properties.PolicyDocument as PolicyDocument);
      attach(before.physicalId!, rolesOf(properties));
      detach(before.physicalId!, rolesOf(before.properties).filter(old => !rolesOf(properties).includes(old)));
      return { physicalId: before.physicalId!, attributes: before.attributes };
    },
    delete: ({ physicalId, properties }) => {
      detach(physicalId!, rolesOf(properties));
      iam.deleteManagedPolicy(physicalId!);
    },
  };

  return { 'AWS::IAM::Role': role, 'AWS::IAM::Policy': policy, 'AWS::IAM::RolePolicy': rolePolicy, 'AWS::IAM::ManagedPolicy': managedPolicy };
}

function roleProperties({ AssumeRolePolicyDocument, ManagedPolicyArns, Path = '/' }: Properties): RoleProperties {
  return { trust: AssumeRolePolicyDocument as PolicyDocument, managed: listOf(ManagedPolicyArns as string[]), path: Path as string };
}

function rolesOf({ Roles, Users, Groups }: Properties): string[] {
  if (Users !== undefined || Groups !== undefined) { throw new Error('the player knows policies of roles only, not of users and groups'); }
  return listOf(Roles as string[]);
}
