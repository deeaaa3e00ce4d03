"""Builds the one package `onecard` out of the folders core/, ext/, grpc/, sample/ and cli/.

Metadata lives in pyproject.toml. Here are only the three steps setuptools does not know:
naming the folders, .proto to Python, .pyx to C.
"""

import os
from pathlib import Path

from setuptools import Command, Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext

GENERATED = "build/generated"  # what protoc writes; never edited, never committed
TOPS = ("core", "ext", "grpc", "sample", "cli")  # folder x/ is the package onecard.x
FOLDERS = sorted({str(path.parent) for top in TOPS for path in Path(top).rglob("*.py")} | set(TOPS))
PACKAGES = {folder.replace(os.sep, "."): folder for folder in FOLDERS}
PACKAGES["v1"] = f"{GENERATED}/onecard/v1"
SHIPPED = ["py.typed", "*.pyi", "*.pxd", "*.toml", "*.csv"]  # beside the .py of every package
DEBUG = bool(os.environ.get("ONECARD_DEBUG"))  # checks, traces and no optimiser
TREE = Path("build/tree")  # onecard/ as cimport, mypy and pyright expect to find it
SHARED = "onecard.ext._cyutility"  # memoryview code, compiled once for all pyx
PROTO = Path("grpc/proto")  # laid out as Buf wants: onecard/v1/*.proto
V1 = "onecard/v1"

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": True,  # a proven loop turns it off by decorator
    "wraparound": False,  # v[-1] is a bug here, and boundscheck then says so
    "initializedcheck": DEBUG,
    "cdivision": False,  # C rounds -7/2 to -3 and dies on /0; money may do neither
    "autotestdict": False,
    "auto_pickle": False,
    "linetrace": DEBUG,
    "warn.unused": True,
    "warn.maybe_uninitialized": True,
}
CFLAGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-missing-field-initializers"]
CFLAGS += ["-Og", "-g"] if DEBUG else ["-O3", "-g1", "-fno-omit-frame-pointer"]
CFLAGS += os.environ.get("ONECARD_CFLAGS", "").split()
# Lines are traced for coverage, and check() of ext/shape/check.pxd asks what it is given.
MACROS = ("CYTHON_TRACE", "CYTHON_TRACE_NOGIL", "ONECARD_DEBUG") if DEBUG else ()


def link_tree() -> str:
    """Lay build/tree/onecard/ and its folders as links, for cimport and the type checkers."""
    package = TREE / "onecard"
    package.mkdir(parents=True, exist_ok=True)
    for name in (*TOPS, "v1"):
        link = package / name
        if not link.is_symlink():
            link.symlink_to(Path("../../..") / PACKAGES[name], target_is_directory=True)
    return str(TREE)


class build_proto(Command):
    """Turns grpc/proto/onecard/v1/*.proto into the package onecard.v1."""

    description = "generate Python from grpc/proto"
    user_options: list = []
    editable_mode = False

    def initialize_options(self):
        self.build_lib = None

    def finalize_options(self):
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self):
        from importlib.resources import files

        from grpc_tools import protoc

        out = Path(GENERATED if self.editable_mode else self.build_lib)
        out.mkdir(parents=True, exist_ok=True)
        command = ["protoc", f"-I{PROTO}", f"-I{files('grpc_tools') / '_proto'}"]
        command += [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
        command += [str(Path(path).relative_to(PROTO)) for path in self.get_source_files()]
        if protoc.main(command) != 0:
            raise SystemExit("build_proto: protoc refused " + " ".join(command))
        (out / V1 / "py.typed").touch()

    def get_source_files(self):
        return sorted(str(path) for path in PROTO.glob("onecard/v1/*.proto"))

    def get_outputs(self):
        return [f"{self.build_lib}/{V1}/{name}" for name in self._generated()]

    def get_output_mapping(self):
        if not self.editable_mode:
            return {}
        return {
            f"{self.build_lib}/{V1}/{name}": f"{GENERATED}/{V1}/{name}"
            for name in self._generated()
        }

    def _generated(self):
        stems = [Path(path).stem for path in self.get_source_files()]
        return [stem + tail for stem in stems for tail in ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")]


class build_cython(build_ext):
    """Runs Cython late, so that metadata and sdist need no compiler."""

    def finalize_options(self):
        sources = [source for ext in self.distribution.ext_modules for source in ext.sources]
        if any(source.endswith(".pyx") for source in sources):
            from Cython.Build import cythonize
            from Cython.Compiler import Options

            Options.warning_errors = True
            self.distribution.ext_modules[:] = cythonize(
                self.distribution.ext_modules,
                include_path=[link_tree()],
                shared_utility_qualified_name=SHARED,
                compiler_directives=DIRECTIVES,
                # The coverage plugin looks for the .c beside the .so.
                build_dir=None if DEBUG else "build/c",
                emit_linenums=DEBUG,  # check() names a line of the .pyx; `annotate` would undo it
                force=DEBUG,
                nthreads=0,
            )
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()  # the C of the modules, side by side


class build_all(build):
    sub_commands = [("build_proto", None), *build.sub_commands]


Path(GENERATED, V1).mkdir(parents=True, exist_ok=True)  # setuptools wants a package folder to exist

setup(
    packages=[f"onecard.{name}" for name in PACKAGES],
    package_dir={f"onecard.{name}": folder for name, folder in PACKAGES.items()},
    # What is shipped is said here alone; the manifest only says what a source archive holds.
    include_package_data=False,
    package_data={
        **{f"onecard.{name}": SHIPPED for name in PACKAGES},
        "onecard.grpc": [*SHIPPED, "proto/onecard/v1/*.proto"],
    },
    ext_modules=[
        Extension(
            ".".join(["onecard", *path.with_suffix("").parts]),
            [str(path)],
            depends=sorted(map(str, Path("ext").rglob("*.pxd"))),
            extra_compile_args=CFLAGS,
            define_macros=[(macro, "1") for macro in MACROS],
        )
        for path in sorted(Path("ext").rglob("*.pyx"))
    ]
    + [Extension(SHARED, ["ext/_cyutility.c"], extra_compile_args=CFLAGS)],
    cmdclass={"build": build_all, "build_proto": build_proto, "build_ext": build_cython},
)
