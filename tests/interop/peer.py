"""A real P2PFL peer as a process: the public interface of P2PFL, and a model in NumPy that needs no data.

It says on stdout what has happened, a line each: `listening on ADDRESS`, `knows N`, `started`, `finished all rounds`. Having
finished it stays, and beats, until it is told to end (SIGTERM): others may not be done yet. It then leaves 0 if the
experiment was finished, and 1 otherwise. P2PFL's own log goes to stderr.

All peers begin with the same weights, multiples of 1/64, and training adds `--step` to every one of them for each
epoch. So it can be told from the weights alone who has contributed.
"""

import argparse
import hashlib
import json
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
import traceback

import numpy as np


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="127.0.0.1", help="an address; without a port any free one is taken")
    parser.add_argument("--connect", nargs="*", default=[], help="addresses of peers")
    parser.add_argument("--peers", type=int, default=0, help="wait for so many other peers before starting")
    parser.add_argument("--start", type=int, help="start learning, for so many rounds")
    parser.add_argument("--trainset", type=int, default=4, help="nodes that train in a round")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--stop-after", type=float, help="stop learning everywhere so many seconds after it began")
    parser.add_argument("--weights", default="4x3,3", help="shapes of the model, or `any`: those of the first that comes")
    parser.add_argument("--step", type=float, default=1.0, help="what an epoch adds to every weight")
    parser.add_argument("--samples", type=int, default=1, help="rows that it says it has trained on")
    parser.add_argument("--compression", choices=["zlib", "lzma"], help="how it wraps the models that it begins with")
    parser.add_argument("--fit-seconds", type=float, default=0.5)
    parser.add_argument("--timeout", type=float, default=120, help="seconds that all this may take")
    parser.add_argument("--out", type=pathlib.Path, help="the file that gets the weights and what it saw, as JSON")
    parser.add_argument("--record", type=pathlib.Path, help="the folder that gets every call that it makes")
    parser.add_argument("--read", type=pathlib.Path, help="read encoded weights, write them to --out, and end")
    for name in ("ca-crt", "server-crt", "server-key", "client-crt", "client-key"):
        parser.add_argument(f"--{name}", help="a PEM file, for mutual TLS: all five or none")
    return parser.parse_args()


ARGS = arguments()

# Settings are read while P2PFL is being imported.
from p2pfl.settings import Settings  # noqa: E402

TLS = [ARGS.ca_crt, ARGS.server_crt, ARGS.server_key, ARGS.client_crt, ARGS.client_key]
Settings.set_from_dict(
    {
        "general": {
            "DISABLE_RAY": True,
            "LOG_DIR": tempfile.mkdtemp(prefix="p2pfl-log-"),
            # It announces and refuses models at this level.
            "LOG_LEVEL": "DEBUG",
        },
        "heartbeat": {"PERIOD": 0.5, "TIMEOUT": 10, "WAIT_CONVERGENCE": 2},
        "gossip": {
            "PERIOD": 0.05,
            "AMOUNT_LAST_MESSAGES_SAVED": 10000,
            "MODELS_PERIOD": 0.5,
            "MODELS_PER_ROUND": 4,
            # A model that came before it was wanted is refused for so long: one round more, not the whole test.
            "MODE_EXPECTATION_TIMEOUT": 5,
        },
        "training": {"VOTE_TIMEOUT": 20, "AGGREGATION_TIMEOUT": 60},
        "ssl": {"USE_SSL": all(TLS)},
    }
)
if all(TLS):
    keys = ["CA_CRT", "SERVER_CRT", "SERVER_KEY", "CLIENT_CRT", "CLIENT_KEY"]
    Settings.set_from_dict({"ssl": dict(zip(keys, TLS))})
elif any(TLS):
    sys.exit("for TLS all five files are needed")

import grpc  # noqa: E402
from datasets import Dataset  # noqa: E402
from p2pfl.communication.protocols.protobuff.grpc import GrpcCommunicationProtocol  # noqa: E402
from p2pfl.learning.dataset.p2pfl_dataset import P2PFLDataset  # noqa: E402
from p2pfl.learning.frameworks.exceptions import ModelNotMatchingError  # noqa: E402
from p2pfl.learning.frameworks.learner import Learner  # noqa: E402
from p2pfl.learning.frameworks.p2pfl_model import P2PFLModel  # noqa: E402
from p2pfl.node import Node  # noqa: E402


class Arrays(P2PFLModel):
    """A model that is its list of arrays. An empty one takes any shapes."""

    def get_parameters(self):
        return self.model

    def set_parameters(self, params):
        if isinstance(params, bytes):
            params, info = self.decode_parameters(params)
            self.additional_info.update(info)
        if self.model and [it.shape for it in self.model] != [it.shape for it in params]:
            raise ModelNotMatchingError(f"{[it.shape for it in params]}")
        self.model = [np.array(it) for it in params]

    def get_framework(self):
        return "numpy"


class Adder(Learner):
    """Training adds a step to every weight, and takes its time."""

    trained = 0
    interrupted = threading.Event()

    def fit(self):
        self.interrupted.wait(ARGS.fit_seconds)
        model = self.get_model()
        # An element of the array's own type, or NumPy would widen it.
        model.set_parameters([it + it.dtype.type(ARGS.step * self.epochs) for it in model.get_parameters()])
        model.set_contribution([self.addr], ARGS.samples)
        self.trained += 1
        return model

    def interrupt_fit(self):
        self.interrupted.set()

    def evaluate(self):
        first = self.get_model().get_parameters()[:1]
        return {"test_metric": float(first[0].flat[0])} if first else {}

    def get_framework(self):
        return "numpy"


class Recorder(grpc.UnaryUnaryClientInterceptor):
    """Keeps every call that is made: the request as it was encoded, and what was answered."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()
        self.count = 0
        folder.mkdir(parents=True, exist_ok=True)

    def intercept_unary_unary(self, continuation, details, request):
        call = continuation(details, request)
        method = details.method if isinstance(details.method, str) else details.method.decode()
        # Waits for the answer, as P2PFL does next.
        failed = call.exception()
        answer = None if failed else call.result().SerializeToString().hex()
        with self.lock:
            self.count += 1
            name = f"{self.count:04}"
            (self.folder / f"{name}.bin").write_bytes(request.SerializeToString())
            note = {"file": name, "method": method, "cmd": getattr(request, "cmd", ""), "answer": answer}
            with open(self.folder / "calls.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(note) + "\n")
        return call


def record(folder):
    """All channels that P2PFL opens from now on are recorded."""
    recorder = Recorder(folder)
    for name in ("insecure_channel", "secure_channel"):
        plain = getattr(grpc, name)
        setattr(grpc, name, lambda *a, plain=plain, **k: grpc.intercept_channel(plain(*a, **k), recorder))


def say(text):
    print(text, flush=True)


def initial():
    """Multiples of 1/64: sums and halves of them are exact."""
    if ARGS.weights == "any":
        return []
    shapes = [tuple(int(n) for n in shape.split("x")) for shape in ARGS.weights.split(",")]
    generator = np.random.default_rng(1)
    return [(generator.integers(-256, 256, shape) / 64).astype("f4") for shape in shapes]


def wait_until(what, condition, deadline, ended):
    while not condition():
        if ended.is_set():
            raise RuntimeError(f"told to end while waiting for {what}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"no {what} within {ARGS.timeout} s")
        time.sleep(0.02)


def as_json(arrays):
    return [{"dtype": str(it.dtype), "shape": list(it.shape), "values": [float(v) for v in it.flat]} for it in arrays]


def sha256(arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(it).tobytes() for it in arrays)).hexdigest()


def take_part(ended):
    deadline = time.monotonic() + ARGS.timeout
    if ARGS.record:
        record(ARGS.record)
    compression = {ARGS.compression: {}} if ARGS.compression else None
    rows = P2PFLDataset(Dataset.from_dict({"row": [0]}), dataset_name="none")
    learner = Adder()
    began = initial()
    node = Node(
        Arrays(began, compression=compression),
        rows,
        addr=ARGS.listen,
        learner=learner,
        protocol=GrpcCommunicationProtocol(),
    )
    node.start()
    say(f"listening on {node.addr}")
    for address in ARGS.connect:
        if not node.connect(address):
            raise RuntimeError(f"could not connect to {address}")
    wait_until(f"{ARGS.peers} peers", lambda: len(node.get_neighbors()) >= ARGS.peers, deadline, ended)
    say(f"knows {len(node.get_neighbors())}")

    if ARGS.start:
        node.set_start_learning(rounds=ARGS.start, epochs=ARGS.epochs, trainset_size=ARGS.trainset)
    wait_until("experiment", lambda: node.state.round is not None, deadline, ended)
    say("started")
    total = node.state.total_rounds
    # The state forgets both when it has finished.
    rounds, peers = 0, len(node.get_neighbors())
    begun = time.monotonic()
    stopped = False
    while (now := node.state.round) is not None:
        rounds, peers = max(rounds, now), max(peers, len(node.get_neighbors()))
        if ARGS.stop_after and not stopped and time.monotonic() > begun + ARGS.stop_after:
            node.set_stop_learning()
            stopped = True
        if time.monotonic() > deadline or ended.is_set():
            raise RuntimeError(f"in round {now} of {total}, having gone through {node.learning_workflow.history}")
        time.sleep(0.005)
    finished = node.learning_workflow.history.count("RoundFinishedStage")
    if finished != total and not stopped:
        raise RuntimeError(f"ended after {finished} of {total} rounds: {node.learning_workflow.history}")

    if ARGS.out:
        saw = {
            "address": node.addr,
            "rounds": finished,
            "trained": learner.trained,
            "peers": peers,
            "stages": node.learning_workflow.history,
            "seconds": time.monotonic() - begun,
            "began": as_json(began),
            "arrays": as_json(node.get_model().get_parameters()),
            "sha256": sha256(node.get_model().get_parameters()),
        }
        ARGS.out.write_text(json.dumps(saw))
    say("finished all rounds")
    ended.wait(max(0, deadline - time.monotonic()))
    # P2PFL waits without end for the answer to a `disconnect`, and two that send one to each other wait for each other.
    goodbye = threading.Thread(target=lambda: [node.disconnect(it) for it in node.get_neighbors(only_direct=True)])
    goodbye.daemon = True
    goodbye.start()
    goodbye.join(2)


def main():
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        if ARGS.read:
            model = Arrays([])
            model.set_parameters(ARGS.read.read_bytes())
            ARGS.out.write_text(json.dumps({"arrays": as_json(model.get_parameters())}))
        else:
            take_part(ended)
        code = 0
    except Exception:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of P2PFL and gRPC may still be waiting for something.
    os._exit(code)


main()
