//===- AttnTypes.td - keys and values -------------------------------------===//

#ifndef FOVEA_DIALECTS_ATTN_TYPES_TD
#define FOVEA_DIALECTS_ATTN_TYPES_TD

include "dialects/Attn/AttnAttrs.td"

def Attn_KVType : TypeDef<Attn_Dialect, "KV"> {
  let mnemonic = "kv";
  let summary = "the keys and values of a batch of sequences";
  let description = [{
    Keys and values together with where they lie. A program that changes from
    one layout to another changes this type and nothing else.

    ```mlir
    !attn.kv<dense, key = 64, value = 64, f32>
    !attn.kv<paged<16>, key = 64, value = 128, bf16>
    !attn.kv<dense, key = 128, value = 128, bf16, stored = i8, scale = token>
    !attn.kv<paged<16>, key = 64, value = 64, f16, stored = i4, scale = group<32>>
    ```

    A value of this type stands for several tensors, its *components*, in the
    order in which tools pass arrays (B sequences, G heads, D and Dv channels,
    P rows to a page):

    | layout | components |
    |---|---|
    | `dense` | K `[B, G, Sk, D]`, V `[B, G, Sk, Dv]` |
    | `paged<P>` | K pages `[pages, G, P, D]`, V pages `[pages, G, P, Dv]`, page table `[B, max pages]` of i32, lengths `[B]` of i32 |

    Row t of a paged sequence b is row t mod P of page `table[b, t / P]`, for
    t < lengths[b]; table entries past the length are never read.

    The element type is what the program computes in. With `stored` the cache
    holds another type, and a key or value is decoded where it is read:
    *stored element times scale*, rounded once to the element type where that
    is needed (docs/numerics.md). Each component of stored elements is then
    followed by its scales:

    | `stored` | `scale` | elements | scales, dense |
    |---|---|---|---|
    | `i8` | `token` | -127 to 127 | f32 `[B, G, Sk]` |
    | `i4` | `group<32>` | -7 to 7, two to a byte of i8: `[.., D / 2]` | f16 `[B, G, Sk, D / 32]` |
    | `f16` | | for programs in bf16 or f32 | |
    | `f8E4M3FN` | or `token` | up to 448 | f32 `[B, G, Sk]` |

    Channels of a row are kept in groups of 32 where two share a byte: byte j
    of a group holds channel j in its low nibble and channel j + 16 in its high
    one, both in two's complement. Channels 0 and 16 of values 3 and -2 are the
    byte 0xE3. Pages of scales are `[pages, G, P]` and `[pages, G, P, D / 32]`,
    behind the same page table.
  }];
  let parameters = (ins
    "Layout":$layout,
    "int64_t":$pageSize, // 0 unless paged
    "int64_t":$keyWidth,
    "int64_t":$valueWidth,
    "::mlir::Type":$elementType,
    "::mlir::Type":$storedType,  // the element type unless encoded
    "Scale":$scale,
    "int64_t":$groupSize);       // channels to a scale; 0 unless by group
  let builders = [
    TypeBuilderWithInferredContext<(ins
      "Layout":$layout, "int64_t":$pageSize, "int64_t":$keyWidth,
      "int64_t":$valueWidth, "::mlir::Type":$elementType), [{
      return $_get(elementType.getContext(), layout, pageSize, keyWidth,
                   valueWidth, elementType, elementType, Scale::None, 0);
    }]>
  ];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Largest number of channels of a key or a value.
    static constexpr int64_t kMaxWidth = 512;
    /// Channels that lie together where two share a byte.
    static constexpr int64_t kNibbleGroup = 32;

    bool isPaged() { return getLayout() == Layout::Paged; }
    /// True if the cache holds another type than the element type.
    bool isEncoded() { return getStoredType() != getElementType(); }
    bool hasScale() { return getScale() != Scale::None; }
    /// True if two channels share a byte.
    bool isNibbles() { return getStoredType().isInteger(4); }
    /// Numbers of components: keys, values (the scales of each come next), and
    /// of a paged cache its table (the lengths come next).
    unsigned getKeyIndex() { return 0; }
    unsigned getValueIndex() { return hasScale() ? 2 : 1; }
    unsigned getTableIndex() { return 2 * getValueIndex(); }
    unsigned getLengthsIndex() { return getTableIndex() + 1; }
    /// Types of the components, in order.
    ::llvm::SmallVector<::mlir::RankedTensorType> getComponentTypes();
    /// Names of the components, in order: "k", "v" or "k_pages", "v_pages",
    /// "page_table", "lengths"; scales are "k_scale" or "k_scale_pages".
    ::llvm::SmallVector<::llvm::StringRef> getComponentNames();
  }];
}

#endif
