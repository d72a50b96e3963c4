// Loaded before the suite, whose servers would listen on every interface of the machine.
import { Server } from "node:net";

const listen = Server.prototype._listen2;
if (typeof listen !== "function") {
  throw new Error("this version of Node has no net.Server._listen2; find out how its servers choose their interface");
}
// Of a server that is given a port and no host, the address is null here, and it listens before listen() returns.
Server.prototype._listen2 = function (address, port, family, ...rest) {
  return address === null && port >= 0
    ? listen.call(this, "127.0.0.1", port, 4, ...rest)
    : listen.call(this, address, port, family, ...rest);
};
