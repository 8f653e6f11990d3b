//===- DeviceCodeTest.cpp - lane code assembles on every chip -------------===//

#include "fovea/Driver/Dialects.h"
#include "fovea/Target/Common/Device.h"
#include "fovea/Target/Target.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

#include <cstdlib>

using namespace fovea;

namespace {

/// One product, with each lane's elements where the caller put them, by way of
/// near memory; its exponentials, and exchanges of all kinds between lanes.
/// {0} lanes; [{1}, {2}, {3}] of {4}; {5}, {6}, {7} elements of a, b, c;
/// {8} half the lanes; {9} elements in near memory; {10} its bytes.
constexpr const char *kProduct = R"(
gpu.module @device {{
  func.func @product(%a: memref<?x{5}x{4}>, %b: memref<?x{6}x{4}>, %c: memref<?x{7}xf32>, %task: index)
      attributes {{tile.kernel, tile.near_bytes = {10} : i64,
                  tile.schedule = #tile.schedule<rows = 64, keys = 16, block = 16, lanes = {0}, pairs = false, splits = 1, subgroups = 1, stages = 1>} {{
    %c0 = arith.constant 0 : index
    %ea = arith.constant {5} : index
    %lane = gpu.thread_id x
    %at = arith.muli %lane, %ea : index
    %near = tile.near 0 : memref<{9}x{4}, 3>
    %va = vector.load %a[%lane, %c0] : memref<?x{5}x{4}>, vector<{5}x{4}>
    vector.store %va, %near[%at] : memref<{9}x{4}, 3>, vector<{5}x{4}>
    gpu.barrier
    %fa = vector.load %near[%at] : memref<{9}x{4}, 3>, vector<{5}x{4}>
    %fb = vector.load %b[%lane, %c0] : memref<?x{6}x{4}>, vector<{6}x{4}>
    %zero = arith.constant dense<0.0> : vector<{7}xf32>
    %s = tile.matrix %fa, %fb, %zero shape [{1}, {2}, {3}] : vector<{5}x{4}>, vector<{6}x{4}>, vector<{7}xf32>
    %p = math.exp2 %s : vector<{7}xf32>
    %q = math.exp %p : vector<{7}xf32>
    %v = arith.maximumf %q, %s : vector<{7}xf32>
    %e = vector.extract %v[0] : f32 from vector<{7}xf32>
    %width = arith.constant {0} : i32
    %i1 = arith.constant 1 : i32
    %i8 = arith.constant 8 : i32
    %far = arith.constant {8} : i32
    %t1, %ok1 = gpu.shuffle xor %e, %i1, %width : f32
    %t2, %ok2 = gpu.shuffle xor %t1, %i8, %width : f32
    %t3, %ok3 = gpu.shuffle xor %t2, %far, %width : f32
    %t4, %ok4 = gpu.shuffle idx %t3, %i1, %width : f32
    %w = vector.broadcast %t4 : f32 to vector<{7}xf32>
    %r = arith.addf %v, %w : vector<{7}xf32>
    vector.store %r, %c[%lane, %c0] : memref<?x{7}xf32>, vector<{7}xf32>
    return
  }
}
)";

class DeviceCodeTest : public testing::Test {
protected:
  DeviceCodeTest() : context(makeRegistry()) {
    context.loadAllAvailableDialects();
  }

  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  /// Takes lane code to machine code.
  llvm::Expected<DeviceCode> compile(const Target &target,
                                     llvm::StringRef source) {
    const Device &device = *target.getDevice();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(source, &context);
    if (!module) {
      return llvm::createStringError("the test's text does not parse");
    }
    (*module)->setAttr(tile::kMachineAttrName, device.getMachineAttr(&context));
    mlir::PassManager pm(&context);
    target.addLowering(pm);
    if (failed(pm.run(*module))) {
      return llvm::createStringError("lowering failed");
    }
    llvm::LLVMContext llvmContext;
    auto kernels = *module->getOps<mlir::gpu::GPUModuleOp>().begin();
    auto code = device.makeModule(kernels, llvmContext);
    if (!code) {
      return code.takeError();
    }
    auto result = device.makeCode(**code);
    if (result) {
      text = llvm::cantFail(device.makeText(**code, *result));
      result->module.reset(); // its context goes with this function
    }
    return result;
  }

  mlir::MLIRContext context;
  std::string text; // of what was compiled last
};

int64_t countRegisters(tile::LayoutAttr layout) {
  int64_t result = 1;
  for (const tile::Digit &digit : layout.getRegisters()) {
    result *= digit.size;
  }
  return result;
}

void expectCode(const Device &device, const DeviceCode &code,
                int64_t nearBytes, const std::string &what) {
  ASSERT_EQ(code.kernels.size(), 1u) << what;
  const KernelInfo &kernel = code.kernels.front();
  EXPECT_EQ(kernel.name, "product");
  EXPECT_EQ(kernel.nearBytes, nearBytes);
  EXPECT_EQ(kernel.staticNearBytes, 0) << what;
  if (code.binary.empty()) {
    EXPECT_NE(code.remark, "") << what;
    return;
  }
  EXPECT_EQ(std::string(code.binary.data(), 4), "\177ELF") << what;
  EXPECT_GT(kernel.registers.value_or(0), 0) << what;
  EXPECT_EQ(kernel.spillBytes.value_or(-1), 0) << what;
  EXPECT_EQ(kernel.stackBytes.value_or(-1), 0) << what;
}

TEST_F(DeviceCodeTest, EveryAtomOfEveryChipAssembles) {
  for (const std::string &name : getKnownTargets()) {
    auto target = llvm::cantFail(lookUpTarget(name));
    const Device *device = target->getDevice();
    if (!device) {
      continue;
    }
    tile::MachineAttr machine = device->getMachineAttr(&context);
    for (tile::AtomAttr atom : machine.getAtoms()) {
      std::string type;
      llvm::raw_string_ostream(type) << atom.getType();
      int64_t lanes = machine.getLanes();
      int64_t a = countRegisters(atom.getA());
      int64_t nearBytes =
          lanes * a * atom.getType().getIntOrFloatBitWidth() / 8;
      llvm::ArrayRef<int64_t> shape = atom.getShape();
      std::string source = llvm::formatv(
          kProduct, lanes, shape[0], shape[1], shape[2], type, a,
          countRegisters(atom.getB()), countRegisters(atom.getC()), lanes / 2,
          lanes * a, nearBytes);
      auto code = compile(*target, source);
      ASSERT_TRUE(static_cast<bool>(code))
          << name << " " << type << ": " << llvm::toString(code.takeError());
      expectCode(*device, *code, nearBytes, name + " " + type);
      // Text that no driver takes is made when it is asked for.
      EXPECT_EQ(code->text.empty(), device->getTextKind().empty()) << name;
      EXPECT_NE(text.find(device->getChip().str()), std::string::npos);
    }
  }
}

/// Asynchronous copies and reads of blocks, on the chips that have them.
TEST_F(DeviceCodeTest, CopiesAndBlockReadsAssemble) {
  auto file = llvm::MemoryBuffer::getFile(FOVEA_TEST_INPUTS "/blocks.mlir");
  ASSERT_TRUE(static_cast<bool>(file));
  int tested = 0;
  for (const std::string &name : getKnownTargets()) {
    auto target = llvm::cantFail(lookUpTarget(name));
    const Device *device = target->getDevice();
    if (!device || device->getMachineAttr(&context).getCopy() == 0) {
      continue;
    }
    auto code = compile(*target, (*file)->getBuffer());
    ASSERT_TRUE(static_cast<bool>(code))
        << name << ": " << llvm::toString(code.takeError());
    expectCode(*device, *code, 768, name);
    EXPECT_EQ(code->kernels.front().threads, 32);
    for (const char *instruction :
         {"cp.async.cg.shared.global", "cp.async.wait_group",
          "ldmatrix.sync.aligned.m8n8.x4", "ex2.approx.ftz", "max.NaN",
          "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"}) {
      EXPECT_NE(code->text.find(instruction), std::string::npos) << instruction;
    }
    ++tested;
  }
  EXPECT_EQ(tested, 4);
}

/// Without the vendor's assembler there is text, and a remark says why.
TEST_F(DeviceCodeTest, TextAloneWithoutAnAssembler) {
  auto file = llvm::MemoryBuffer::getFile(FOVEA_TEST_INPUTS "/blocks.mlir");
  ASSERT_TRUE(static_cast<bool>(file));
  auto target = llvm::cantFail(lookUpTarget("sm_80"));
  setenv("FOVEA_PTXAS", "", /*overwrite=*/1);
  auto code = compile(*target, (*file)->getBuffer());
  setenv("FOVEA_PTXAS", "/nowhere/ptxas", /*overwrite=*/1);
  auto broken = compile(*target, (*file)->getBuffer());
  unsetenv("FOVEA_PTXAS");
  ASSERT_TRUE(static_cast<bool>(code)) << llvm::toString(code.takeError());
  EXPECT_TRUE(code->binary.empty());
  EXPECT_NE(code->text.find(".visible .entry product"), std::string::npos);
  EXPECT_NE(code->remark.find("ptxas was not found"), std::string::npos);
  EXPECT_FALSE(code->kernels.front().registers.has_value());
  ASSERT_FALSE(static_cast<bool>(broken));
  EXPECT_NE(llvm::toString(broken.takeError()).find("/nowhere/ptxas"),
            std::string::npos);
}

} // namespace
