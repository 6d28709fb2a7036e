package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsefs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
	storage "github.com/cdk-durable-storage/cdk-durable-storage-go/cdkdurablestorage"
)

func main() {
	defer jsii.Close()

	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false)})
	stack := awscdk.NewStack(app, jsii.String("Consumer"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String("eu-west-1")},
	})
	vpc := awsec2.NewVpc(stack, jsii.String("Vpc"), &awsec2.VpcProps{AvailabilityZones: jsii.Strings("eu-west-1a", "eu-west-1b")})

	files := storage.NewFileSystem(stack, jsii.String("Files"), &storage.FileSystemProps{
		Vpc:                            vpc,
		CreationToken:                  jsii.String("team-files"),
		Adopt:                          storage.Adopt_ALWAYS,
		ThroughputMode:                 awsefs.ThroughputMode_PROVISIONED,
		ProvisionedThroughputPerSecond: awscdk.Size_Mebibytes(jsii.Number(128)),
		ThroughputCooldown:             storage.ThroughputCooldown_DEFER,
		RemovalPolicy:                  awscdk.RemovalPolicy_RETAIN,
	})
	files.AddAccessPoint(jsii.String("Home"), &awsefs.AccessPointOptions{Path: jsii.String("/home")})
	awsefs.NewAccessPoint(stack, jsii.String("Data"), &awsefs.AccessPointProps{FileSystem: files, Path: jsii.String("/data")})
	storage.NewTagSet(stack, jsii.String("Billing"), &storage.TagSetProps{
		FileSystem: files, Tags: &map[string]*string{"cost-center": jsii.String("1001")},
	})

	shared := awsefs.FileSystem_FromFileSystemAttributes(stack, jsii.String("Shared"), &awsefs.FileSystemAttributes{
		FileSystemId:  jsii.String("fs-0123456789abcdef0"),
		SecurityGroup: awsec2.SecurityGroup_FromSecurityGroupId(stack, jsii.String("SharedAccess"), jsii.String("sg-0123456789abcdef0"), nil),
	})
	access := storage.NewMountTargets(stack, jsii.String("Access"), &storage.MountTargetsProps{FileSystem: shared, Vpc: vpc})
	access.Connections().AllowDefaultPortFrom(awsec2.NewSecurityGroup(stack, jsii.String("Clients"), &awsec2.SecurityGroupProps{Vpc: vpc}), nil)
	storage.NewBackupPolicy(stack, jsii.String("Backup"), &storage.BackupPolicyProps{FileSystem: shared, EnableAutomaticBackups: jsii.Bool(false)})

	image := storage.NewSnapshotImport(stack, jsii.String("Image"), &storage.SnapshotImportProps{
		Image:      storage.DiskImage_FromBucket(awss3.Bucket_FromBucketName(stack, jsii.String("Images"), jsii.String("images")), jsii.String("web-42.img"), nil, nil),
		VolumeSize: awscdk.Size_Gibibytes(jsii.Number(20)),
		KmsKey:     awskms.NewKey(stack, jsii.String("Key"), nil),
		Verify:     storage.Verification_FULL,
	})
	awscdk.Tags_Of(image).Add(jsii.String("role"), jsii.String("data"), nil)
	image.MetricFailed(nil).CreateAlarm(stack, jsii.String("Failed"), &awscloudwatch.CreateAlarmOptions{
		Threshold: jsii.Number(1), EvaluationPeriods: jsii.Number(1),
	})
	awsec2.NewVolume(stack, jsii.String("Volume"), &awsec2.VolumeProps{
		AvailabilityZone: jsii.String("eu-west-1a"), SnapshotId: image.SnapshotId(), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})

	app.Synth(nil)
}
