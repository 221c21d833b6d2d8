// Calls operations of a SOAP service of which it knows the WSDL alone.
// node client.js <address of the WSDL> <user> <password> < [{"operation", "message"}, ...]
import { text } from "node:stream/consumers";
import soap from "soap";

const [wsdl, user, password] = process.argv.slice(2);
const client = await soap.createClientAsync(wsdl);
client.setSecurity(new soap.WSSecurity(user, password, { mustUnderstand: true }));

const answers = [];
for (const { operation, message } of JSON.parse(await text(process.stdin))) {
  try {
    const [answer] = await client[`${operation}Async`]({ message });
    answers.push({ ack: answer.ack });
  } catch (error) {
    answers.push({ fault: error.root?.Envelope?.Body?.Fault ?? String(error) });
  }
}
console.log(JSON.stringify({ operations: Object.keys(client.describe().DockingService.DockingPort), answers }));
