import { refused } from './network';
import type { Parameters } from './query';

/** What RegisterImage checks of a request, as far as AWS documents it. */

const ARCHITECTURES = ['i386', 'x86_64', 'arm64', 'x86_64_mac', 'arm64_mac'];
const LONGEST_TEXT = 255;
const LONGEST_UEFI_DATA = 64_000;

interface VolumeLimits {
  /** GiB. */
  readonly size: readonly [number, number];
  readonly iops?: readonly [number, number];
  readonly iopsRequired?: boolean;
  readonly iopsPerGib?: number;
  readonly throughput?: readonly [number, number];
}

const VOLUMES: Record<string, VolumeLimits> = {
  gp2: { size: [1, 16_384] },
  gp3: { size: [1, 65_536], iops: [3_000, 80_000], iopsPerGib: 500, throughput: [125, 2_000] },
  io1: { size: [4, 16_384], iops: [100, 64_000], iopsPerGib: 50, iopsRequired: true },
  io2: { size: [4, 65_536], iops: [100, 256_000], iopsPerGib: 1_000, iopsRequired: true },
  st1: { size: [125, 16_384] },
  sc1: { size: [125, 16_384] },
  standard: { size: [1, 1_024] },
};

export function checkImage(parameters: Parameters): void {
  const text = (name: string) => parameters.text(name);
  const name = parameters.required('Name');
  if (!/^[a-zA-Z0-9()[\] ./\-'@_]{3,128}$/.test(name)) {
    throw refused('InvalidAMIName.Malformed', 'AMI names must be between 3 and 128 characters long, and may contain letters, numbers, \'(\', \')\', \'.\', \'-\', \'/\' and \'_\'');
  }
  checkDescription(text('Description'));
  oneOf(text('Architecture'), 'architecture', ARCHITECTURES);
  oneOf(text('BootMode'), 'bootMode', ['legacy-bios', 'uefi', 'uefi-preferred']);
  oneOf(text('VirtualizationType'), 'virtualizationType', ['hvm', 'paravirtual']);
  oneOf(text('TpmSupport'), 'tpmSupport', ['v2.0']);
  oneOf(text('ImdsSupport'), 'imdsSupport', ['v2.0']);
  if (text('Architecture') === 'arm64' && ![undefined, 'uefi'].includes(text('BootMode'))) {
    throw refused('InvalidParameterCombination', `boot mode ${text('BootMode')} is not supported for architecture arm64`);
  }
  if (text('TpmSupport') !== undefined && text('BootMode') !== 'uefi') {
    throw refused('InvalidParameterCombination', 'TPM support requires the boot mode uefi');
  }
  const uefiData = text('UefiData');
  if (uefiData !== undefined && (uefiData.length > LONGEST_UEFI_DATA || Buffer.from(uefiData, 'base64').toString('base64') !== uefiData)) {
    throw refused('InvalidParameterValue', 'UefiData must be base64 of at most 64000 characters');
  }
  if ((text('VirtualizationType') ?? 'paravirtual') === 'paravirtual' && text('EnaSupport') === 'true') {
    throw refused('InvalidParameterCombination', 'enaSupport is supported for hvm images only');
  }
  const foreign = parameters.structures('TagSpecification').map(one => one.required('ResourceType')).find(type => type !== 'image');
  if (foreign !== undefined) { throw refused('InvalidParameterValue', `'${foreign}' is not a valid taggable resource type for this operation.`); }

  const mappings = parameters.structures('BlockDeviceMapping');
  const devices = mappings.map(mapping => mapping.required('DeviceName'));
  const twice = devices.find((device, i) => devices.indexOf(device) !== i);
  if (twice !== undefined) { throw refused('InvalidBlockDeviceMapping', `The device '${twice}' is used in more than one block-device mapping`); }
  mappings.forEach(checkMapping);
}

export function checkDescription(description: string | undefined): void {
  if ((description?.length ?? 0) > LONGEST_TEXT) { throw refused('InvalidParameterValue', 'Description exceeds the maximum length of 255 characters'); }
}

/** With the size that the volume will have, which may come from the snapshot. */
export function checkVolume(type: string, size: number, iops: number | undefined, throughput: number | undefined): void {
  const limits = VOLUMES[type];
  if (!limits) { throw refused('InvalidParameterValue', `Invalid volume type: ${type}`); }
  within('Volume size', type, size, limits.size);
  if (iops === undefined) {
    if (limits.iopsRequired) { throw refused('MissingParameter', `The parameter iops must be specified for ${type} volumes.`); }
  } else if (!limits.iops) {
    throw refused('InvalidParameterCombination', `The parameter iops is not supported for ${type} volumes.`);
  } else {
    within('Volume iops', type, iops, limits.iops);
    const most = Math.max(limits.iops[0], size * limits.iopsPerGib!);
    if (iops > most) {
      throw refused('InvalidParameterValue', `Iops to volume size ratio of ${iops}:${size} is too high; maximum is ${limits.iopsPerGib} for ${type}`);
    }
  }
  if (throughput === undefined) { return; }
  if (!limits.throughput) { throw refused('InvalidParameterCombination', `The parameter throughput is not supported for ${type} volumes.`); }
  within('Volume throughput', type, throughput, limits.throughput);
  if (throughput > (iops ?? limits.iops![0]) / 4) {
    throw refused('InvalidParameterValue', `Throughput (MiBps) to iops ratio of ${throughput / (iops ?? limits.iops![0])} is too high; maximum is 0.250000 MiBps per iops`);
  }
}

function checkMapping(mapping: Parameters): void {
  if (!/^(\/dev\/)?(sd[a-z]|xvd[a-z]{1,2}|hd[a-z])\d{0,2}$/.test(mapping.required('DeviceName'))) {
    throw refused('InvalidBlockDeviceMapping', `Value (${mapping.text('DeviceName')}) for parameter deviceName is invalid`);
  }
  if (mapping.text('Ebs.SnapshotId') !== undefined && mapping.text('Ebs.Encrypted') !== undefined) {
    throw refused('InvalidBlockDeviceMapping', 'the parameter encrypted cannot be specified together with a snapshot');
  }
}

function within(what: string, type: string, value: number, [least, most]: readonly [number, number]): void {
  if (value < least || value > most) {
    throw refused('InvalidParameterValue', `${what} of ${value} is not valid for ${type}: it must be from ${least} to ${most}`);
  }
}

function oneOf(value: string | undefined, name: string, allowed: string[]): void {
  if (value !== undefined && !allowed.includes(value)) {
    throw refused('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid. Valid values: ${allowed.join(', ')}`);
  }
}
