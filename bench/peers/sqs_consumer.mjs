// Consumers of the library `sqs-consumer` that take batches, several of them in one process.

import { SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";

const size = Number(process.env.BENCH_SIZE);
const sqs = new SQSClient({
  endpoint: process.env.AWS_ENDPOINT_URL,
  requestHandler: { httpAgent: { keepAlive: true, maxSockets: size } },
});

for (let index = 0; index < size; index++) {
  const consumer = Consumer.create({
    queueUrl: process.env.BENCH_QUEUE_URL,
    sqs,
    batchSize: 10,
    handleMessageBatch: async (messages) => {
      for (const message of messages) {
        JSON.parse(message.Body);
      }
      return messages;
    },
  });
  consumer.on("error", (error) => console.error(error.message));
  consumer.start();
}
