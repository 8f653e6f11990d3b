//===- AMDGPUCode.cpp - assembly and code objects -------------------------===//

#include "fovea/Target/AMDGPU/AMDGPUTargetInfo.h"

#include "fovea/Target/Common/CodeGen.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/BinaryFormat/MsgPackDocument.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/MemoryBufferRef.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace fovea;

/// Reads one kernel of the metadata: "AMDGPU backend guide", "Code Object V5
/// Metadata".
static void readKernel(llvm::msgpack::MapDocNode &entry,
                       std::vector<KernelInfo> &kernels) {
  auto get = [&](llvm::StringRef key) -> int64_t {
    auto found = entry.find(key);
    return found == entry.end() || found->second.getKind() !=
                                       llvm::msgpack::Type::UInt
               ? 0
               : static_cast<int64_t>(found->second.getUInt());
  };
  auto name = entry.find(".name");
  if (name == entry.end() || !name->second.isString()) {
    return;
  }
  for (KernelInfo &info : kernels) {
    if (info.name == name->second.getString()) {
      // Where accumulators share the file they are part of this count:
      // (registers + 3) / 4 * 4 + accumulators.
      info.registers = get(".vgpr_count");
      info.spillBytes = 4 * get(".vgpr_spill_count");
      info.stackBytes = get(".private_segment_fixed_size");
      info.staticNearBytes = get(".group_segment_fixed_size");
    }
  }
}

static llvm::Error readMetadata(llvm::ArrayRef<char> binary,
                                std::vector<KernelInfo> &kernels) {
  auto file = llvm::object::ELF64LEObjectFile::create(llvm::MemoryBufferRef(
      llvm::StringRef(binary.data(), binary.size()), "code object"));
  if (!file) {
    return file.takeError();
  }
  const auto &elf = file->getELFFile();
  auto headers = elf.program_headers();
  if (!headers) {
    return headers.takeError();
  }
  for (const auto &header : *headers) {
    if (header.p_type != llvm::ELF::PT_NOTE) {
      continue;
    }
    llvm::Error error = llvm::Error::success();
    for (const auto &note : elf.notes(header, error)) {
      if (note.getName() != "AMDGPU" ||
          note.getType() != llvm::ELF::NT_AMDGPU_METADATA) {
        continue;
      }
      llvm::msgpack::Document document;
      if (!document.readFromBlob(note.getDescAsStringRef(header.p_align),
                                 /*Multi=*/false) ||
          !document.getRoot().isMap()) {
        continue;
      }
      auto &root = document.getRoot().getMap();
      auto found = root.find("amdhsa.kernels");
      if (found == root.end() || !found->second.isArray()) {
        continue;
      }
      for (auto &entry : found->second.getArray()) {
        readKernel(entry.getMap(), kernels);
      }
    }
    if (error) {
      return error;
    }
  }
  return llvm::Error::success();
}

static llvm::Expected<DeviceCode> emit(const llvm::Module &module,
                                       llvm::TargetMachine &machine) {
  auto object = emitCode(module, machine, llvm::CodeGenFileType::ObjectFile);
  if (!object) {
    return object.takeError();
  }
  auto binary = linkObjects(llvm::StringRef(object->data(), object->size()));
  if (!binary) {
    return binary.takeError();
  }
  DeviceCode code;
  code.binary.assign(binary->begin(), binary->end());
  code.kernels = listKernels(module);
  if (llvm::Error error = readMetadata(code.binary, code.kernels)) {
    return error;
  }
  return code;
}

llvm::Expected<DeviceCode>
fovea::makeAMDGPUCode(const llvm::Module &module,
                      const MachineDescription &description) {
  auto machine = createTargetMachine(description, /*optLevel=*/3);
  if (!machine) {
    return machine.takeError();
  }
  auto code = emit(module, **machine);
  if (!code) {
    return code;
  }
  std::unique_ptr<llvm::Module> copy;
  for (const KernelInfo &info : code->kernels) {
    bool spills = info.spillBytes > 0 || info.stackBytes > 0;
    if (!spills || !module.getFunction(info.name)->hasFnAttribute(
                       kAccumulatorsAttribute)) {
      continue;
    }
    if (!copy) {
      copy = llvm::CloneModule(module);
    }
    copy->getFunction(info.name)->removeFnAttr(kAccumulatorsAttribute);
  }
  if (!copy) {
    return code;
  }
  code = emit(*copy, **machine);
  if (code) {
    code->module = std::move(copy);
  }
  return code;
}
