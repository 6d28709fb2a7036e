import { ACCOUNT, REGION } from '../../../world/emulator/environment';

/** A statement of a policy, intrinsic functions written as text. `*` stands for what only a deployment tells. */
export interface Statement {
  readonly logicalId: string;
  readonly actions: readonly string[];
  /** Absent in the trust of a role and in policies of resources that name none. */
  readonly resources: readonly string[];
  readonly conditionKeys: readonly string[];
}

export interface Template {
  readonly Resources: Record<string, { readonly Type: string; readonly Properties?: object }>;
}

/** Returns every statement that stands anywhere in a template: policies of roles, trust, policies of resources. */
export function statementsOf(template: Template): Statement[] {
  return Object.entries(template.Resources).flatMap(([logicalId, { Properties = {} }]) =>
    documentsIn(Properties).flatMap(({ Statement: all }) => list(all).map(statement => ({
      logicalId,
      actions: list(statement.Action).map(action => textOf(action, template)),
      resources: list(statement.Resource).map(resource => textOf(resource, template)),
      conditionKeys: Object.values<object>(statement.Condition ?? {}).flatMap(tests => Object.keys(tests)),
    }))));
}

function documentsIn(value: unknown): { Statement: any }[] {
  if (typeof value !== 'object' || value === null) { return []; }
  return [...'Statement' in value ? [value as { Statement: any }] : [], ...Object.values(value).flatMap(documentsIn)];
}

function list(value: any): any[] {
  return value === undefined ? [] : [value].flat();
}

const PSEUDO: Record<string, string> = {
  'AWS::Partition': 'aws',
  'AWS::Region': REGION,
  'AWS::AccountId': ACCOUNT,
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::StackId': `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/*`,
};

/** ARNs that Ref or Fn::GetAtt give, by type and attribute. */
const ARNS: Record<string, string> = {
  'AWS::EFS::FileSystem.Arn': `arn:aws:elasticfilesystem:${REGION}:${ACCOUNT}:file-system/*`,
  'AWS::IAM::Role.Arn': `arn:aws:iam::${ACCOUNT}:role/*`,
  'AWS::KMS::Key.Arn': `arn:aws:kms:${REGION}:${ACCOUNT}:key/*`,
  'AWS::Lambda::Function.Arn': `arn:aws:lambda:${REGION}:${ACCOUNT}:function:*`,
  'AWS::S3::Bucket.Arn': 'arn:aws:s3:::*',
  'AWS::StepFunctions::StateMachine.Ref': `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:*`,
  'AWS::StepFunctions::StateMachine.Arn': `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:*`,
};

function textOf(value: any, template: Template): string {
  if (typeof value === 'string') { return value; }
  const known = (logicalId: string, attribute: string) => ARNS[`${template.Resources[logicalId]?.Type}.${attribute}`] ?? '*';
  if ('Ref' in value) { return PSEUDO[value.Ref] ?? known(value.Ref, 'Ref'); }
  if ('Fn::GetAtt' in value) { return known(...([value['Fn::GetAtt']].flat().join('.').split('.', 2) as [string, string])); }
  if ('Fn::Join' in value) { return value['Fn::Join'][1].map((part: unknown) => textOf(part, template)).join(value['Fn::Join'][0]); }
  if ('Fn::Sub' in value) { return String([value['Fn::Sub']].flat()[0]).replace(/\$\{([^}]+)\}/g, (_, name: string) => PSEUDO[name] ?? '*'); }
  return '*';
}
