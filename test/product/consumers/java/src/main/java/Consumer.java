import io.github.cdkdurablestorage.Adopt;
import io.github.cdkdurablestorage.BackupPolicy;
import io.github.cdkdurablestorage.DiskImage;
import io.github.cdkdurablestorage.FileSystem;
import io.github.cdkdurablestorage.MountTargets;
import io.github.cdkdurablestorage.SnapshotImport;
import io.github.cdkdurablestorage.TagSet;
import io.github.cdkdurablestorage.ThroughputCooldown;
import io.github.cdkdurablestorage.Verification;
import java.util.List;
import java.util.Map;
import software.amazon.awscdk.App;
import software.amazon.awscdk.Environment;
import software.amazon.awscdk.RemovalPolicy;
import software.amazon.awscdk.Size;
import software.amazon.awscdk.Stack;
import software.amazon.awscdk.Tags;
import software.amazon.awscdk.services.cloudwatch.CreateAlarmOptions;
import software.amazon.awscdk.services.ec2.SecurityGroup;
import software.amazon.awscdk.services.ec2.Volume;
import software.amazon.awscdk.services.ec2.Vpc;
import software.amazon.awscdk.services.efs.AccessPoint;
import software.amazon.awscdk.services.efs.AccessPointOptions;
import software.amazon.awscdk.services.efs.FileSystemAttributes;
import software.amazon.awscdk.services.efs.IFileSystem;
import software.amazon.awscdk.services.efs.ThroughputMode;
import software.amazon.awscdk.services.kms.Key;
import software.amazon.awscdk.services.s3.Bucket;

public final class Consumer {
    public static void main(String[] args) {
        App app = App.Builder.create().analyticsReporting(false).build();
        Stack stack = Stack.Builder.create(app, "Consumer")
            .env(Environment.builder().account("111122223333").region("eu-west-1").build()).build();
        Vpc vpc = Vpc.Builder.create(stack, "Vpc").availabilityZones(List.of("eu-west-1a", "eu-west-1b")).build();

        FileSystem files = FileSystem.Builder.create(stack, "Files")
            .vpc(vpc)
            .creationToken("team-files")
            .adopt(Adopt.ALWAYS)
            .throughputMode(ThroughputMode.PROVISIONED)
            .provisionedThroughputPerSecond(Size.mebibytes(128))
            .throughputCooldown(ThroughputCooldown.DEFER)
            .removalPolicy(RemovalPolicy.RETAIN)
            .build();
        files.addAccessPoint("Home", AccessPointOptions.builder().path("/home").build());
        // What javac checks here: the class has every member of the interface, as this aws-cdk-lib declares it.
        IFileSystem anyFileSystem = files;
        AccessPoint.Builder.create(stack, "Data").fileSystem(anyFileSystem).path("/data").build();
        TagSet.Builder.create(stack, "Billing").fileSystem(files).tags(Map.of("cost-center", "1001")).build();

        IFileSystem shared = software.amazon.awscdk.services.efs.FileSystem.fromFileSystemAttributes(stack, "Shared", FileSystemAttributes.builder()
            .fileSystemId("fs-0123456789abcdef0")
            .securityGroup(SecurityGroup.fromSecurityGroupId(stack, "SharedAccess", "sg-0123456789abcdef0"))
            .build());
        MountTargets access = MountTargets.Builder.create(stack, "Access").fileSystem(shared).vpc(vpc).build();
        access.getConnections().allowDefaultPortFrom(SecurityGroup.Builder.create(stack, "Clients").vpc(vpc).build());
        BackupPolicy.Builder.create(stack, "Backup").fileSystem(shared).enableAutomaticBackups(false).build();

        SnapshotImport image = SnapshotImport.Builder.create(stack, "Image")
            .image(DiskImage.fromBucket(Bucket.fromBucketName(stack, "Images", "images"), "web-42.img"))
            .volumeSize(Size.gibibytes(20))
            .kmsKey(Key.Builder.create(stack, "Key").build())
            .verify(Verification.FULL)
            .build();
        Tags.of(image).add("role", "data");
        image.metricFailed().createAlarm(stack, "Failed", CreateAlarmOptions.builder().threshold(1).evaluationPeriods(1).build());
        Volume.Builder.create(stack, "Volume")
            .availabilityZone("eu-west-1a").snapshotId(image.getSnapshotId()).removalPolicy(RemovalPolicy.DESTROY).build();

        app.synth();
    }
}
