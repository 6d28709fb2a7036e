"""Uses EFS through boto3, all its paginators included; prints a line for each thing that was seen to be right.

    boto3_efs.py <subnet> <security group>
"""
import json
import sys
import time

import boto3

efs = boto3.client("efs")
subnet, group = sys.argv[1:]


def say(what):
    print(what, flush=True)


def listed(value):
    return value if isinstance(value, list) else [value]


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r}, not {wanted!r}"


def available(read):
    for _ in range(100):
        things = read()
        if all(thing["LifeCycleState"] == "available" for thing in things):
            return things
        time.sleep(0.1)
    raise AssertionError("does not become available")


def paginated(operation, key, **request):
    return [thing for page in efs.get_paginator(operation).paginate(**request) for thing in page[key]]


def all_tags(resource):
    """botocore has no paginator for this one."""
    request = {"ResourceId": resource, "MaxResults": 7}
    tags = {}
    while True:
        answer = efs.list_tags_for_resource(**request)
        assert len(answer["Tags"]) <= 7
        tags.update({tag["Key"]: tag["Value"] for tag in answer["Tags"]})
        if not answer.get("NextToken"):
            return tags
        request["NextToken"] = answer["NextToken"]


made = [efs.create_file_system(CreationToken=f"token-{n}", Tags=[{"Key": "Name", "Value": f"name {n}"}])["FileSystemId"] for n in range(230)]
available(lambda: paginated("describe_file_systems", "FileSystems"))
expect(sorted(one["FileSystemId"] for one in paginated("describe_file_systems", "FileSystems")), sorted(made))
say("describe_file_systems: 230 file systems in pages")
first = made[0]
expect([one["Name"] for one in paginated("describe_file_systems", "FileSystems", CreationToken="token-0")], ["name 0"])

try:
    efs.create_file_system(CreationToken="token-0")
    raise AssertionError("a token can be used twice")
except efs.exceptions.FileSystemAlreadyExists as error:
    expect(error.response["FileSystemId"], first)
    expect(error.response["ResponseMetadata"]["HTTPStatusCode"], 409)
try:
    efs.describe_file_systems(FileSystemId="fs-00000000")
    raise AssertionError("a file system that does not exist is described")
except efs.exceptions.FileSystemNotFound as error:
    expect(error.response["ErrorCode"], "FileSystemNotFound")
try:
    efs.create_file_system(CreationToken="other", PerformanceMode="fast")
    raise AssertionError("any performance mode will do")
except efs.exceptions.BadRequest as error:
    expect(error.response["ResponseMetadata"]["HTTPStatusCode"], 400)
say("errors come as the exceptions of the model, with their members")

points = [efs.create_access_point(ClientToken=f"point-{n}", FileSystemId=first, PosixUser={"Uid": n, "Gid": n, "SecondaryGids": [1]})["AccessPointId"]
          for n in range(120)]
expect(sorted(one["AccessPointId"] for one in paginated("describe_access_points", "AccessPoints", PaginationConfig={"PageSize": 50})), sorted(points))
expect(len(paginated("describe_access_points", "AccessPoints", FileSystemId=first)), 120)
say("describe_access_points: 120 access points in pages")

target = efs.create_mount_target(FileSystemId=first, SubnetId=subnet, SecurityGroups=[group])["MountTargetId"]
available(lambda: efs.describe_mount_targets(FileSystemId=first)["MountTargets"])
expect([one["MountTargetId"] for one in paginated("describe_mount_targets", "MountTargets", FileSystemId=first)], [target])
expect(efs.describe_mount_target_security_groups(MountTargetId=target)["SecurityGroups"], [group])
say("mount targets and their security groups")

tags = [{"Key": f"key {n}", "Value": f"value {n}"} for n in range(40)]
efs.tag_resource(ResourceId=first, Tags=tags)
expect(all_tags(first), {"Name": "name 0", **{tag["Key"]: tag["Value"] for tag in tags}})
efs.untag_resource(ResourceId=first, TagKeys=[tag["Key"] for tag in tags])
expect(all_tags(first), {"Name": "name 0"})
say("list_tags_for_resource: 41 tags in pages; tagged and untagged")

policies = [{"TransitionToIA": "AFTER_7_DAYS"}, {"TransitionToPrimaryStorageClass": "AFTER_1_ACCESS"}]
expect(efs.put_lifecycle_configuration(FileSystemId=first, LifecyclePolicies=policies)["LifecyclePolicies"], policies)
expect(efs.describe_lifecycle_configuration(FileSystemId=first)["LifecyclePolicies"], policies)
policy = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "elasticfilesystem:ClientMount"}]})
efs.put_file_system_policy(FileSystemId=first, Policy=policy)
# EFS adds the resource, and may give a policy back in another spelling of the same meaning.
arn = efs.describe_file_systems(FileSystemId=first)["FileSystems"][0]["FileSystemArn"]
[statement] = listed(json.loads(efs.describe_file_system_policy(FileSystemId=first)["Policy"])["Statement"])
expect(statement["Effect"], "Allow")
expect(listed(statement["Action"]), ["elasticfilesystem:ClientMount"])
expect(listed(statement["Resource"]), [arn])
principal = statement["Principal"]
expect(listed(principal["AWS"] if isinstance(principal, dict) else principal), ["*"])
efs.delete_file_system_policy(FileSystemId=first)
try:
    efs.describe_file_system_policy(FileSystemId=first)
    raise AssertionError("a deleted policy is described")
except efs.exceptions.PolicyNotFound:
    pass
efs.put_backup_policy(FileSystemId=first, BackupPolicy={"Status": "ENABLED"})
assert efs.describe_backup_policy(FileSystemId=first)["BackupPolicy"]["Status"] in ("ENABLING", "ENABLED")
expect(efs.update_file_system(FileSystemId=first, ThroughputMode="elastic")["ThroughputMode"], "elastic")
available(lambda: efs.describe_file_systems(FileSystemId=first)["FileSystems"])
expect(efs.update_file_system_protection(FileSystemId=first, ReplicationOverwriteProtection="DISABLED")["ReplicationOverwriteProtection"], "DISABLED")
say("life cycle, policy, backup, throughput, protection")

efs.create_replication_configuration(SourceFileSystemId=made[1], Destinations=[{"Region": "eu-central-1"}])
expect([one["SourceFileSystemId"] for one in paginated("describe_replication_configurations", "Replications")], [made[1]])
say("describe_replication_configurations")

try:
    efs.delete_file_system(FileSystemId=first)
    raise AssertionError("a file system with mount targets is deleted")
except efs.exceptions.FileSystemInUse:
    pass
efs.delete_mount_target(MountTargetId=target)
for _ in range(100):
    try:
        efs.delete_file_system(FileSystemId=first)
        break
    except efs.exceptions.FileSystemInUse:
        time.sleep(0.1)
assert first not in [one["FileSystemId"] for one in paginated("describe_file_systems", "FileSystems") if one["LifeCycleState"] != "deleting"]
say("deleted, once nothing is in its way")
