"""A Lambda function that keeps the posted balance of every account in a DynamoDB table.

The table is named by the variable TABLE and has the partition key `account`, a string. event-source-mapping.json connects the
function to the stream, with a filter: it is only called for records that moved money. What Lambda repeats does no harm, since a
row is only replaced by one of a greater version."""
import base64, os
import boto3
from record import decode

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, context):
    newest = {}
    for record in filter(None, (decode(base64.b64decode(r["kinesis"]["data"])) for r in event["Records"])):
        account = f'{record["tenant"]}#{record["account_id"]}'
        if account not in newest or newest[account]["version"] < record["last"]:
            posted = record["events"][-1]["after"]["posted"]
            newest[account] = {"account": account, "version": record["last"], "posted": posted, "currency": record["currency"]}
    for row in newest.values():
        try:
            table.put_item(Item=row, ConditionExpression="attribute_not_exists(account) OR version < :v", ExpressionAttributeValues={":v": row["version"]})
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            pass  # the row has this version or a later one
