// kafkajs as a foreign client: `node client.js read|write BROKER TOPIC PARTITION [COUNT]`, values as base64 lines on standard output or input.
const { CompressionTypes, CompressionCodecs, Kafka, logLevel } = require("kafkajs");
const lz4 = require("lz4-napi");

CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder) => lz4.compressFrameSync(encoder.buffer),
  decompress: async (buffer) => lz4.decompressFrameSync(buffer),
});

async function read(kafka, topic, partition, count) {
  const consumer = kafka.consumer({ groupId: `foreign-${process.pid}`, readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const found = [];
  await new Promise((done, failed) => {
    consumer.on(consumer.events.CRASH, (event) => failed(event.payload.error));
    consumer.run({
      eachMessage: async (message) => {
        if (message.partition === partition && found.length < count) found.push(message.message.value.toString("base64"));
        if (found.length === count) done();
      },
    });
  });
  await consumer.disconnect();
  console.log(found.join("\n"));
}

async function write(kafka, topic, partition) {
  const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
  const producer = kafka.producer();
  await producer.connect();
  const messages = lines.map((line) => ({ partition, value: Buffer.from(line, "base64") }));
  await producer.send({ topic, messages, compression: CompressionTypes.LZ4 });
  await producer.disconnect();
}

const [what, broker, topic, partition, count] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
(what === "read" ? read(kafka, topic, Number(partition), Number(count)) : write(kafka, topic, Number(partition))).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
