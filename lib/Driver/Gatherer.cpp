//===- Gatherer.cpp - diagnostics of a compilation as text ----------------===//

#include "Gatherer.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace fovea;

static std::string printOne(Diagnostic &diagnostic) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto at = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>()) {
    stream << at.getFilename().getValue() << ':' << at.getLine() << ':'
           << at.getColumn() << ": ";
  }
  switch (diagnostic.getSeverity()) {
  case DiagnosticSeverity::Error:
    stream << "error: ";
    break;
  case DiagnosticSeverity::Warning:
    stream << "warning: ";
    break;
  case DiagnosticSeverity::Note:
    stream << "note: ";
    break;
  case DiagnosticSeverity::Remark:
    stream << "remark: ";
    break;
  }
  stream << diagnostic;
  return text;
}

static std::string print(Diagnostic &diagnostic) {
  std::string text = printOne(diagnostic);
  for (Diagnostic &note : diagnostic.getNotes()) {
    // Passes attach the operation itself to every error: a page of text.
    std::string line = printOne(note);
    if (!llvm::StringRef(line).contains("see current operation")) {
      text += "\n" + line;
    }
  }
  return text;
}

Gatherer::Gatherer(MLIRContext *context,
                   std::function<void(llvm::StringRef)> onRemark,
                   std::function<void(llvm::StringRef)> onWarning)
    : handler(context, [this, onRemark, onWarning](Diagnostic &diagnostic) {
        std::string text = print(diagnostic);
        if (diagnostic.getSeverity() == DiagnosticSeverity::Remark) {
          if (onRemark) {
            onRemark(text);
          }
        } else if (diagnostic.getSeverity() == DiagnosticSeverity::Warning) {
          if (onWarning) {
            onWarning(text);
          } else {
            llvm::errs() << text << '\n';
          }
        } else {
          gathered += (gathered.empty() ? "" : "\n") + text;
        }
      }) {}

llvm::Error Gatherer::takeError(const llvm::Twine &otherwise) {
  return llvm::createStringError(gathered.empty() ? otherwise
                                                  : llvm::Twine(gathered));
}
