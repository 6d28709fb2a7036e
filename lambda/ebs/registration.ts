import { isOfStack } from './completion';
import type { Image } from './images';
import type { ImportServices } from './services';
import type { RegistrationProperty } from '../../src/contract/machine-image';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import { isDenial } from '../shared/denials';
import { isCertainlyBack } from '../shared/direction';
import { saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { belongsTo, valueOf } from '../shared/ownership';
import { integer } from '../shared/property-values';
import type { Context } from '../shared/resource-lifecycle';

/** The states of an AMI that will keep its name. */
const LASTING = ['pending', 'available', 'disabled'];

/** Returns why a machine image cannot be registered by a name. `image`: the AMI that has the name; undefined if EC2 lists none. */
export function takenName(name: string, image: Image | undefined, resource: Pick<Context, 'stackId' | 'logicalId'>): string {
  const taken = `AMI name '${name}' is taken by ${image?.id ?? 'an AMI that is not visible'}`;
  if (image === undefined || !isOfStack(resource.stackId, image)) { return `${taken}, which is not of this stack; choose another 'imageName', or leave it out`; }
  return belongsTo(image.tags, resource)
    ? `${taken}, which would be replaced, and a name belongs to one AMI: change 'imageName' too, or leave it out`
    : `${taken}, which is ${valueOf(image.tags, OWNERSHIP_TAGS.logicalId)} of this stack: if that construct was renamed, change 'imageName' too, or leave it out`;
}

/** Refuses an import if EC2 would refuse to register a machine image with the snapshot. A new snapshot means a new image, beside the one before. */
export async function refuseUnregistrable(
  { images }: Pick<ImportServices, 'images'>, registrations: readonly RegistrationProperty[], volumeSize: number, context: Context,
): Promise<void> {
  for (const { LogicalId, Name, VolumeSize } of registrations) {
    const size = VolumeSize === undefined ? undefined : integer('volumeSize', VolumeSize);
    if (size !== undefined && size < volumeSize) {
      throw new Error(`'volumeSize' of a disk of ${LogicalId} is ${size} GiB, but the snapshot would have ${volumeSize} GiB; set it to at least as much`);
    }
    const image = Name === undefined ? undefined : await images.holderOf(Name).catch(error => {
      if (!isDenial(error)) { throw error; }
      return log({ event: 'cannot tell whether the name of the image is free', name: Name, because: saidBy(error) });
    });
    if (!image || !LASTING.includes(image.state)) { continue; }
    const why = takenName(image.name, image, { ...context, logicalId: LogicalId });
    if (!await isCertainlyBack(context)) { throw new Error(why); }
    log({ event: 'importing all the same, because an error would keep the stack from rolling back', because: why });
  }
}
