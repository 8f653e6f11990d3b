//===- Ceilings.h - what this machine can do at best ------------*- C++ -*-===//
//
// A time says little without the machine's limits at that moment: clocks,
// neighbours and memory differ from run to run. So ceilings are measured by
// small kernels that go through the same compiler, beside the kernel in
// question.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DRIVER_CEILINGS_H
#define FOVEA_DRIVER_CEILINGS_H

#include "fovea/Driver/Compiler.h"

namespace fovea {

/// Rates in 10^9 per second.
struct Ceilings {
  double flops = 0; // f32 multiply-adds, counted as two
  double pairFlops =
      0; // the same in products of bf16 pairs; 0 if there are none
  double blockFlops = 0; // and in products of blocks of bf16
  double readBytes = 0; // reading memory that no cache holds

  /// The better of two measurements.
  void takeBest(const Ceilings &other);
};

/// Kernels ready to be timed, several times over.
class CeilingMeter {
public:
  /// Compiles for `target` and `threads` threads (as in run()).
  static llvm::Expected<CeilingMeter> create(llvm::StringRef target,
                                             int32_t threads);
  CeilingMeter(CeilingMeter &&);
  ~CeilingMeter();

  /// Takes about a fifth of a second.
  llvm::Expected<Ceilings> measure();

private:
  struct State;
  explicit CeilingMeter(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace fovea

#endif // FOVEA_DRIVER_CEILINGS_H
