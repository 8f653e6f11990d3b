//===- Header.cpp - a C header that declares the entries ------------------===//

#include "Executable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea;

llvm::StringRef fovea::getDtypeName(fovea_dtype dtype) {
  switch (dtype) {
  case FOVEA_F32:
    return "f32";
  case FOVEA_F16:
    return "f16";
  case FOVEA_BF16:
    return "bf16";
  case FOVEA_I32:
    return "i32";
  case FOVEA_I64:
    return "i64";
  case FOVEA_I1:
    return "i1";
  case FOVEA_I8:
    return "i8";
  case FOVEA_F8E4M3FN:
    return "f8E4M3FN";
  }
  llvm_unreachable("unknown element type");
}

/// " * 0 q  f32 [?, ?, 64]"
static void describe(llvm::raw_ostream &os, unsigned number,
                     const Parameter &parameter,
                     llvm::ArrayRef<std::string> inputNames) {
  os << " *   " << number << ' ' << parameter.name << ": "
     << getDtypeName(parameter.dtype) << " [";
  for (auto [axis, size] : llvm::enumerate(parameter.shape)) {
    os << (axis ? ", " : "");
    if (size >= 0) {
      os << size;
    } else if (parameter.extents) {
      os << (*parameter.extents)[axis].print(inputNames);
    } else {
      os << '?';
    }
  }
  os << "]\n";
}

static void declare(llvm::raw_ostream &os, const Entry &entry) {
  std::vector<std::string> names;
  for (const Parameter &input : entry.inputs) {
    names.push_back(input.name);
  }
  os << "/* Inputs:\n";
  unsigned number = 0;
  for (const Parameter &input : entry.inputs) {
    describe(os, number++, input, names);
  }
  os << " * Outputs:\n";
  for (const Parameter &output : entry.outputs) {
    describe(os, number++, output, names);
  }
  os << " */\nint32_t " << entry.name
     << "(const fovea_tensor *arguments, int32_t count, int32_t threads);\n\n";
}

std::string fovea::makeHeader(llvm::ArrayRef<Entry> entries,
                              llvm::StringRef target) {
  std::string guard =
      "FOVEA_KERNELS_" + llvm::StringRef(entries[0].name).upper() + "_H";
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "/* Entries of a library compiled by Fovea for " << target << ".\n"
     << " * Arguments are the inputs followed by the outputs; the last axis of "
        "each must\n"
     << " * be contiguous. An entry returns 0, or non-zero after storing a "
        "message for\n"
     << " * fovea_rt_last_error(). See fovea_runtime.h. */\n\n"
     << "#ifndef " << guard << "\n#define " << guard << "\n\n"
     << "#include \"fovea/runtime/fovea_runtime.h\"\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  for (const Entry &entry : entries) {
    declare(os, entry);
  }
  os << "#ifdef __cplusplus\n} /* extern \"C\" */\n#endif\n\n#endif /* "
     << guard << " */\n";
  return text;
}
