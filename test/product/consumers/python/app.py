from aws_cdk import App, Environment, RemovalPolicy, Size, Stack, Tags
from aws_cdk import aws_ec2 as ec2, aws_efs as efs, aws_kms as kms, aws_s3 as s3
from cdk_durable_storage import (
    Adopt, BackupPolicy, DiskImage, FileSystem, MountTargets, SnapshotImport, TagSet, ThroughputCooldown, Verification,
)

app = App(analytics_reporting=False)
stack = Stack(app, "Consumer", env=Environment(account="111122223333", region="eu-west-1"))
vpc = ec2.Vpc(stack, "Vpc", availability_zones=["eu-west-1a", "eu-west-1b"])

files = FileSystem(
    stack, "Files",
    vpc=vpc,
    creation_token="team-files",
    adopt=Adopt.ALWAYS,
    throughput_mode=efs.ThroughputMode.PROVISIONED,
    provisioned_throughput_per_second=Size.mebibytes(128),
    throughput_cooldown=ThroughputCooldown.DEFER,
    removal_policy=RemovalPolicy.RETAIN,
)
files.add_access_point("Home", path="/home")
efs.AccessPoint(stack, "Data", file_system=files, path="/data")
TagSet(stack, "Billing", file_system=files, tags={"cost-center": "1001"})

shared = efs.FileSystem.from_file_system_attributes(
    stack, "Shared",
    file_system_id="fs-0123456789abcdef0",
    security_group=ec2.SecurityGroup.from_security_group_id(stack, "SharedAccess", "sg-0123456789abcdef0"),
)
access = MountTargets(stack, "Access", file_system=shared, vpc=vpc)
access.connections.allow_default_port_from(ec2.SecurityGroup(stack, "Clients", vpc=vpc))
BackupPolicy(stack, "Backup", file_system=shared, enable_automatic_backups=False)

image = SnapshotImport(
    stack, "Image",
    image=DiskImage.from_bucket(s3.Bucket.from_bucket_name(stack, "Images", "images"), "web-42.img"),
    volume_size=Size.gibibytes(20),
    kms_key=kms.Key(stack, "Key"),
    verify=Verification.FULL,
)
Tags.of(image).add("role", "data")
image.metric_failed().create_alarm(stack, "Failed", threshold=1, evaluation_periods=1)
ec2.Volume(stack, "Volume", availability_zone="eu-west-1a", snapshot_id=image.snapshot_id, removal_policy=RemovalPolicy.DESTROY)

app.synth()
