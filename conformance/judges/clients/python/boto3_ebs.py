"""Reads and writes snapshots through boto3, as anybody's program would.

    boto3_ebs.py download <snapshot> <file>
    boto3_ebs.py upload <file> [<parent snapshot>]
    boto3_ebs.py changed <first snapshot> <second snapshot>
"""
import base64
import hashlib
import json
import math
import sys

import boto3

BLOCK = 512 * 1024
ebs = boto3.client("ebs")
ec2 = boto3.client("ec2")


def pages(operation, key, **request):
    """botocore has no paginators for EBS direct."""
    while True:
        answer = operation(**request)
        yield from answer[key]
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


def download(snapshot, path):
    size = ebs.list_snapshot_blocks(SnapshotId=snapshot)["VolumeSize"] * 1024**3
    count = 0
    with open(path, "wb") as file:
        file.truncate(size)
        for block in pages(ebs.list_snapshot_blocks, "Blocks", SnapshotId=snapshot, MaxResults=100):
            answer = ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=block["BlockIndex"], BlockToken=block["BlockToken"])
            data = answer["BlockData"].read()
            assert len(data) == answer["DataLength"] == BLOCK
            assert answer["ChecksumAlgorithm"] == "SHA256"
            assert base64.b64encode(hashlib.sha256(data).digest()).decode() == answer["Checksum"]
            file.seek(block["BlockIndex"] * BLOCK)
            file.write(data)
            count += 1
    return {"blocks": count, "size": size}


def upload(path, parent=None):
    data = open(path, "rb").read()
    request = {"VolumeSize": math.ceil(len(data) / 1024**3), "Tags": [{"Key": "by", "Value": "boto3"}], "Description": "by boto3"}
    if parent:
        request["ParentSnapshotId"] = parent
    snapshot = ebs.start_snapshot(**request)["SnapshotId"]
    digests = []
    for index in range(math.ceil(len(data) / BLOCK)):
        block = data[index * BLOCK:(index + 1) * BLOCK].ljust(BLOCK, b"\0")
        if not parent and not block.strip(b"\0"):
            continue
        digest = hashlib.sha256(block).digest()
        digests.append(digest)
        checksum = base64.b64encode(digest).decode()
        answer = ebs.put_snapshot_block(
            SnapshotId=snapshot, BlockIndex=index, BlockData=block, DataLength=BLOCK, Checksum=checksum, ChecksumAlgorithm="SHA256")
        assert answer["Checksum"] == checksum
    ebs.complete_snapshot(
        SnapshotId=snapshot, ChangedBlocksCount=len(digests), ChecksumAlgorithm="SHA256", ChecksumAggregationMethod="LINEAR",
        Checksum=base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode())
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
    found = [page for page in ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], Filters=[{"Name": "tag:by", "Values": ["boto3"]}])]
    assert snapshot in [one["SnapshotId"] for page in found for one in page["Snapshots"]]
    return {"snapshot": snapshot, "blocks": len(digests)}


def changed(first, second):
    blocks = list(pages(ebs.list_changed_blocks, "ChangedBlocks", FirstSnapshotId=first, SecondSnapshotId=second, MaxResults=100))
    return {"blocks": [block["BlockIndex"] for block in blocks]}


print(json.dumps({"download": download, "upload": upload, "changed": changed}[sys.argv[1]](*sys.argv[2:])))
