// An RP2040 with UART0 on a unix socket: node run.mjs MODULES ELF DESCRIPTOR SEED
//
// MODULES is the folder that rp2040js is installed in, DESCRIPTOR a listening socket that was inherited,
// SEED what the first 8 bytes of RAM wake up with, in hex. The emulator keeps pace with the host's clock;
// fallen behind by more than 0.2 s, it drops the time instead of racing after it. A reset by the
// watchdog starts the chip anew with its RAM as it was.
import fs from 'node:fs';
import net from 'node:net';
import { pathToFileURL } from 'node:url';

const [modules, elf, descriptor, seed] = process.argv.slice(2);
const { Simulator } = await import(pathToFileURL(`${modules}/rp2040js/dist/esm/index.js`).href);

const FLASH = 0x10000000;
const VECTORS = FLASH + 0x100;
const CYCLE_NS = 8; // 125 MHz
const BEHIND_NS = 200e6;
const TURN = 20000; // instructions between two looks at the socket
const IDLE_NS = 1e6;
const RESET = Symbol('reset');

const image = loadable(fs.readFileSync(elf));
const waiting = []; // bytes from the host
let sent = []; // bytes for the host
let peer = null;
let chip = null;
let began = process.hrtime.bigint();
let turn = null;

// The segments of a 32-bit little-endian ELF for ARM, by physical address.
function loadable(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, false) !== 0x7f454c46 || view.getUint16(18, true) !== 40) {
    throw new Error(`${elf} is no ELF for ARM`);
  }
  const segments = [];
  for (let n = 0; n < view.getUint16(44, true); n++) {
    const at = view.getUint32(28, true) + n * view.getUint16(42, true);
    if (view.getUint32(at, true) === 1) {
      const from = view.getUint32(at + 4, true);
      const size = view.getUint32(at + 16, true);
      segments.push({ to: view.getUint32(at + 12, true), bytes: bytes.subarray(from, from + size) });
    }
  }
  return segments;
}

function boot(before) {
  const simulator = new Simulator();
  const mcu = simulator.rp2040;
  mcu.logger = { debug() {}, info() {}, warn() {}, error: (who, what) => console.error(`${who}: ${what}`) };
  for (const segment of image) {
    mcu.flash.set(segment.bytes, segment.to - FLASH);
  }
  const watchdog = mcu.peripherals[0x40058];
  if (before) {
    mcu.sram.set(before.mcu.sram);
    watchdog.reason = before.watchdog.reason;
    watchdog.scratchData.set(before.watchdog.scratchData);
  } else {
    mcu.sramView.setBigUint64(0, BigInt(`0x${seed}`), true);
  }
  watchdog.onWatchdogTrigger = () => {
    throw RESET; // nothing more happens in this chip: its alarm would fire for ever
  };
  mcu.core.VTOR = VECTORS;
  mcu.core.SP = mcu.readUint32(VECTORS);
  mcu.core.PC = mcu.readUint32(VECTORS + 4) & ~1;
  mcu.uart[0].onByte = (byte) => sent.push(byte);
  began = process.hrtime.bigint();
  return { mcu, core: mcu.core, clock: simulator.clock, uart: mcu.uart[0], watchdog };
}

const passed = () => Number(process.hrtime.bigint() - began);

function step({ core, clock, uart }, until) {
  if (waiting.length > 0) {
    if (!uart.enabled) {
      waiting.length = 0; // as on a chip whose UART is off
    } else if (!uart.rxFIFO.full) {
      uart.feedByte(waiting.shift());
    }
  }
  if (core.waiting) {
    const ahead = Math.min(clock.nanosToNextAlarm || IDLE_NS, Math.max(CYCLE_NS, until - clock.nanos));
    clock.tick(ahead);
  } else {
    clock.tick(core.executeInstruction() * CYCLE_NS);
  }
}

function steps(until) {
  try {
    for (let n = 0; n < TURN && chip.clock.nanos < until; n++) {
      step(chip, until);
    }
  } catch (what) {
    if (what !== RESET) {
      throw what;
    }
    chip = boot(chip);
  }
}

function run() {
  turn = null;
  const now = passed();
  if (now - chip.clock.nanos > BEHIND_NS) {
    began += BigInt(Math.round(now - chip.clock.nanos));
  }
  const until = passed();
  steps(until);
  if (sent.length > 0) {
    peer?.write(Buffer.from(sent));
    sent = [];
  }
  const busy = chip.clock.nanos < until || waiting.length > 0;
  turn = busy ? setImmediate(run) : setTimeout(run, 1);
}

function serve(line) {
  peer = line;
  line.on('data', (bytes) => waiting.push(...bytes));
  line.on('close', () => {
    peer = peer === line ? null : peer;
  });
  line.on('error', () => {});
}

chip = boot(null);
net.createServer(serve).listen({ fd: Number(descriptor) });
run();
