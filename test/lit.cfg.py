"""lit configuration: every .mlir file below test/ is a test."""
import os

import lit.formats

config.name = "Fovea"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.fovea_build, "test")

config.environment["PATH"] = os.pathsep.join(
    [config.fovea_tools, config.llvm_tools, os.environ.get("PATH", "")]
)
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%source", config.fovea_source))
