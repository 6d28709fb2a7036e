import type { Handler } from '../handler';
import type { Properties } from '../stack';
import { nameOf, type Context } from './context';

/** CloudFormation's pause between looks at a state machine that is being deleted. */
const DELETION_POLL = 5000;

export function statesHandlers({ emulator: { clock, states }, iam }: Context): Record<string, Handler> {
  const settings = (name: string, properties: Properties) => ({
    definition: definitionOf(properties),
    role: iam.assumable(properties.RoleArn, 'states.amazonaws.com').session(name),
  });

  return {
    'AWS::StepFunctions::StateMachine': {
      immutable: ['StateMachineName', 'StateMachineType'],
      waits: true,
      create: request => {
        const { properties } = request;
        const name = nameOf(request, properties.StateMachineName, 80);
        const arn = states.create({ name, ...settings(name, properties), kmsKeyId: keyOf(properties) ?? undefined });
        return { physicalId: arn, attributes: { Arn: arn, Name: name } };
      },
      update: ({ properties }, before) => {
        states.update(before.physicalId!, { ...settings(before.attributes.Name as string, properties), kmsKeyId: keyOf(properties) });
        return { physicalId: before.physicalId!, attributes: before.attributes };
      },
      // Executions that run hold up the deletion until their next transition.
      delete: async ({ physicalId }) => {
        states.delete(physicalId!);
        while (states.isDeleting(physicalId!)) { await clock.sleep(DELETION_POLL); }
      },
    },
  };
}

/** The key of a state machine; null for the one that AWS owns, undefined if the template does not say, which changes nothing. */
function keyOf({ EncryptionConfiguration: configuration }: Properties): string | null | undefined {
  return configuration && (configuration.Type === 'AWS_OWNED_KEY' ? null : configuration.KmsKeyId as string);
}

/** The definition with its `${placeholders}` replaced. */
function definitionOf({ DefinitionString, Definition, DefinitionS3Location, DefinitionSubstitutions = {} }: Properties): string {
  if (DefinitionS3Location !== undefined) { throw new Error('the player does not know DefinitionS3Location'); }
  const text: string = DefinitionString ?? JSON.stringify(Definition);
  return Object.entries(DefinitionSubstitutions).reduce((result, [key, value]) => result.replaceAll(`\${${key}}`, String(value)), text);
}
