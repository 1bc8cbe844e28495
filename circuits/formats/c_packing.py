r"""The C around the gates of `c_functions`: rows of bytes to words of 64 rows and back, and counts of ones.

Eight rows by eight columns are transposed in a register (H. S. Warren, Hacker's Delight, 2012, section 7-3). Ones are
counted by carry-save adders on words, eight at a time (R. Harley and D. Seal; section 5-1).
"""

# @ stands for the name of the function. Rows go by eight columns, the last of which may overlap those before. Small
# functions are inline, since gcc -O1 asks for the word.
_TRANSPOSE = """
static inline void @_swap(uint64_t *a, uint64_t *b, int shift, uint64_t mask)
{
    const uint64_t t = (*a >> shift ^ *b) & mask;
    *b ^= t;
    *a ^= t << shift;
}

/* Byte j of word k becomes byte k of word j. */
static void @_transpose(uint64_t *x)
{
    int i;
    for (i = 0; i < 4; i++) @_swap(x + i, x + i + 4, 32, UINT64_C(0x00000000FFFFFFFF));
    for (i = 0; i < 4; i++) @_swap(x + i + (i & 2), x + i + (i & 2) + 2, 16, UINT64_C(0x0000FFFF0000FFFF));
    for (i = 0; i < 4; i++) @_swap(x + 2 * i, x + 2 * i + 1, 8, UINT64_C(0x00FF00FF00FF00FF));
}
"""

_PACK = """
/* The lowest bits of INPUT_WIDTH bytes, each in a byte of its own, the first the lowest. */
static inline uint64_t @_load(const uint8_t *bytes)
{
    uint64_t word = 0;
#if INPUT_WIDTH == 8 && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(&word, bytes, 8);
#else
    int i;
    for (i = 0; i < INPUT_WIDTH; i++) word |= (uint64_t)bytes[i] << 8 * i;
#endif
    return word & UINT64_C(0x0101010101010101);
}

/* Bit r of in[i] becomes input i of row r; n is at most 64, and missing rows are zeros. */
static void @_pack(const uint8_t *rows, uint64_t *in, size_t n)
{
    uint64_t x[8];
    size_t c, k, r;
    for (c = 0; c < INPUTS; c += 8) {
        if (c > LAST_INPUT) c = LAST_INPUT;
        for (k = 0; k < 8; k++) x[k] = 0;
        if (n == 64) {
            for (k = 0; k < 8; k++)
                for (r = 0; r < 8; r++) x[k] |= @_load(rows + (8 * k + r) * INPUTS + c) << r;
        } else {
            for (r = 0; r < n; r++) x[r / 8] |= @_load(rows + r * INPUTS + c) << r % 8;
        }
        @_transpose(x);
        for (k = 0; k < INPUT_WIDTH; k++) in[c + k] = x[k];
    }
}
"""

_UNPACK = """
/* OUTPUT_WIDTH bytes of a word, the lowest first. */
static inline void @_store(uint8_t *bytes, uint64_t word)
{
#if OUTPUT_WIDTH == 8 && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(bytes, &word, 8);
#else
    int i;
    for (i = 0; i < OUTPUT_WIDTH; i++) bytes[i] = (uint8_t)(word >> 8 * i & 255);
#endif
}

static void @_unpack(const uint64_t *out, uint8_t *outs, size_t n)
{
    uint64_t x[8];
    size_t c, k, r;
    for (c = 0; c < OUTPUTS; c += 8) {
        if (c > LAST_OUTPUT) c = LAST_OUTPUT;
        for (k = 0; k < 8; k++) x[k] = 0;
        for (k = 0; k < OUTPUT_WIDTH; k++) x[k] = out[c + k];
        @_transpose(x);
        for (r = 0; r < n; r++) @_store(outs + r * OUTPUTS + c, x[r / 8] >> r % 8 & UINT64_C(0x0101010101010101));
    }
}
"""

_ROWS = """
void @(const uint8_t *rows, uint8_t *outs, size_t n)
{
    uint64_t in[IN_WORDS], out[OUT_WORDS];
    while (n > 0) {
        const size_t now = n < 64 ? n : 64;
        @_pack(rows, in, now);
        @_words(in, out);
        @_unpack(out, outs, now);
        rows += now * INPUTS;
        outs += now * OUTPUTS;
        n -= now;
    }
}
"""

_COUNT = """
/* Adds two words to the bits of 64 sums, and returns the carries. */
static inline uint64_t @_add(uint64_t *sum, uint64_t a, uint64_t b)
{
    const uint64_t t = *sum ^ a, carry = (*sum & a) | (t & b);
    *sum = t ^ b;
    return carry;
}

/* How many of GROUP words have a one, for each of 64 rows. */
static void @_count(const uint64_t *words, uint32_t *count)
{
    uint64_t planes[PLANES] = {0};
    size_t i, k, r;
    for (i = 0; i < GROUP; i += 8) {
        uint64_t w[8] = {0}, a, b, carry;
        for (k = 0; k < 8 && i + k < GROUP; k++) w[k] = words[i + k];
        a = @_add(planes, w[0], w[1]);
        b = @_add(planes, w[2], w[3]);
        carry = @_add(planes + 1, a, b);
        a = @_add(planes, w[4], w[5]);
        b = @_add(planes, w[6], w[7]);
        carry = @_add(planes + 2, carry, @_add(planes + 1, a, b));
        for (k = 3; k < PLANES && carry; k++) {
            const uint64_t next = planes[k] & carry;
            planes[k] ^= carry;
            carry = next;
        }
    }
    for (r = 0; r < 64; r++) count[r] = 0;
    for (i = 0; i < PLANES; i += 8) {
        @_transpose(planes + i);
        for (k = 0; k < 8; k++) {
            uint64_t x = planes[i + k], t;
            t = (x ^ x >> 7) & UINT64_C(0x00AA00AA00AA00AA);
            x ^= t ^ t << 7;
            t = (x ^ x >> 14) & UINT64_C(0x0000CCCC0000CCCC);
            x ^= t ^ t << 14;
            t = (x ^ x >> 28) & UINT64_C(0x00000000F0F0F0F0);
            x ^= t ^ t << 28;
            for (r = 0; r < 8; r++) count[8 * k + r] |= (uint32_t)(x >> 8 * r & 255) << i;
        }
    }
}

void @_counts(const uint8_t *rows, uint32_t *counts, size_t n)
{
    uint64_t in[IN_WORDS], out[OUT_WORDS];
    uint32_t count[64];
    while (n > 0) {
        const size_t now = n < 64 ? n : 64;
        size_t g, r;
        @_pack(rows, in, now);
        @_words(in, out);
        for (g = 0; g < GROUPS; g++) {
            @_count(out + g * GROUP, count);
            for (r = 0; r < now; r++) counts[r * GROUPS + g] = count[r];
        }
        rows += now * INPUTS;
        counts += now * GROUPS;
        n -= now;
    }
}

void @_classes(const uint8_t *rows, uint32_t *classes, size_t n)
{
    uint64_t in[IN_WORDS], out[OUT_WORDS];
    uint32_t count[64], most[64];
    while (n > 0) {
        const size_t now = n < 64 ? n : 64;
        size_t g, r;
        @_pack(rows, in, now);
        @_words(in, out);
        for (g = 0; g < GROUPS; g++) {
            @_count(out + g * GROUP, count);
            for (r = 0; r < now; r++)
                if (g == 0 || count[r] > most[r]) {
                    most[r] = count[r];
                    classes[r] = (uint32_t)g;
                }
        }
        rows += now * INPUTS;
        classes += now;
        n -= now;
    }
}
"""

# Without inputs or outputs there is nothing to pack or to unpack, and C has no arrays of no elements.
_NO_PACK = """
static void @_pack(const uint8_t *rows, uint64_t *in, size_t n)
{
    (void)rows;
    (void)n;
    in[0] = 0;
}
"""
_NO_UNPACK = """
static void @_unpack(const uint64_t *out, uint8_t *outs, size_t n)
{
    (void)out;
    (void)outs;
    (void)n;
}
"""


def around(name: str, n_inputs: int, n_outputs: int, groups: int) -> str:
    """Return the functions that call `NAME_words` on rows of bytes.

    Args:
        name: of the function.
        n_inputs: bytes of a row.
        n_outputs: bytes of a row of outputs.
        groups: into how many the outputs are split and counted; 0 for no counts.

    >>> "_count" in around("f", 3, 4, 0), "_counts" in around("f", 3, 4, 2)
    (False, True)
    """
    text = (_TRANSPOSE if n_inputs or n_outputs else "") + (_PACK if n_inputs else _NO_PACK)
    text += (_UNPACK if n_outputs else _NO_UNPACK) + _ROWS + (_COUNT if groups else "")
    group = n_outputs // groups if groups else 0
    numbers = {
        "INPUT_WIDTH": min(8, n_inputs),
        "OUTPUT_WIDTH": min(8, n_outputs),
        "LAST_INPUT": max(0, n_inputs - 8),
        "LAST_OUTPUT": max(0, n_outputs - 8),
        "IN_WORDS": max(1, n_inputs),
        "OUT_WORDS": max(1, n_outputs),
        "INPUTS": n_inputs,
        "OUTPUTS": n_outputs,
        "PLANES": max(8, -(-group.bit_length() // 8) * 8),
        "GROUPS": groups,
        "GROUP": group,
    }
    if not n_inputs:
        text = text.replace("        rows += now * INPUTS;\n", "")
    if not n_outputs:
        text = text.replace("        outs += now * OUTPUTS;\n", "")
    for word, number in numbers.items():
        text = text.replace(word, str(number))
    return text.replace("@", name)
