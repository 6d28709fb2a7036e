import { arn, REGION } from '../../emulator/environment';
import type { Handler } from '../handler';
import type { Properties } from '../stack';
import { nameOf, recorded, type Context } from './context';

/** What other resources point at, and what nothing in the emulator looks into. */
export function miscHandlers({ parameters, emulator: { kms } }: Context): Record<string, Handler> {
  const logGroups = new Set<string>();
  /** CloudWatch Logs uses the key in its own name, for this log group. */
  const checkKey = (name: string, { KmsKeyId }: Properties) => {
    if (KmsKeyId === undefined) { return; }
    const context = { 'kms:EncryptionContext:aws:logs:arn': arn('logs', `log-group:${name}`) };
    if (KmsKeyId.includes('alias/') || !kms.allowsService(`logs.${REGION}.amazonaws.com`, 'kms:GenerateDataKey', KmsKeyId, context)) {
      throw new Error(`The specified KMS key does not exist or is not allowed to be used with LogGroup '${arn('logs', `log-group:${name}`)}'`);
    }
  };
  return {
    'AWS::Logs::LogGroup': {
      immutable: ['LogGroupName'],
      create: request => {
        const name = nameOf(request, request.properties.LogGroupName);
        if (logGroups.has(name)) { throw new Error(`Resource of type 'AWS::Logs::LogGroup' with identifier '${name}' already exists.`); }
        checkKey(name, request.properties);
        logGroups.add(name);
        return { physicalId: name, attributes: { Arn: arn('logs', `log-group:${name}:*`) } };
      },
      update: ({ properties }, before) => {
        checkKey(before.physicalId!, properties);
        return { physicalId: before.physicalId!, attributes: before.attributes };
      },
      delete: ({ physicalId }) => void logGroups.delete(physicalId!),
    },
    'AWS::SSM::Parameter': {
      immutable: ['Name'],
      create: request => {
        const { Name, Type, Value } = request.properties;
        const name = nameOf(request, Name);
        if (parameters.has(name)) { throw new Error(`Parameter ${name} already exists.`); }
        parameters.set(name, String(Value));
        return { physicalId: name, attributes: { Type, Value } };
      },
      update: ({ properties: { Type, Value } }, before) => {
        parameters.set(before.physicalId!, String(Value));
        return { physicalId: before.physicalId!, attributes: { Type, Value } };
      },
      delete: ({ physicalId }) => void parameters.delete(physicalId!),
    },
    'AWS::SNS::Topic': recorded(
      request => arn('sns', nameOf(request, request.properties.TopicName)),
      physicalId => ({ TopicArn: physicalId, TopicName: physicalId.split(':').pop() }),
      ['TopicName'],
    ),
    'AWS::CloudFormation::WaitConditionHandle': recorded(({ stack, logicalId }) =>
      `https://cloudformation-waitcondition.invalid/${encodeURIComponent(stack.id)}/${logicalId}`),
    'AWS::CDK::Metadata': recorded(({ stack, logicalId }) => stack.ids.name(stack.name, logicalId)),
  };
}
