// The part of the C library that the bindings and the trader call. A trader has no system below it, so there is none to link.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// A block has a size of 16 bytes, or 32, or 64, and so on, and lies in the list of its size while it is free. Before what is
// handed out stand 8 bytes that say which size that is.
enum { HEADER = 8, SMALLEST_LOG2 = 4, LARGEST_LOG2 = 30, PAGE = 65536 };

typedef union block {
    uint32_t log2;
    union block *next;
} block_t;

// Made by the linker: where its own data end.
extern unsigned char __heap_base;

static block_t *free_blocks[LARGEST_LOG2 + 1];
static uintptr_t unused;

static block_t *fresh(uint32_t log2) {
    if (!unused) unused = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
    uintptr_t end = unused + ((uintptr_t)1 << log2);
    uintptr_t size = __builtin_wasm_memory_size(0) * (uintptr_t)PAGE;
    if (end > size && __builtin_wasm_memory_grow(0, (end - size + PAGE - 1) / PAGE) == (size_t)-1) return NULL;
    block_t *block = (block_t *)unused;
    unused = end;
    return block;
}

void *malloc(size_t bytes) {
    if (bytes > ((size_t)1 << LARGEST_LOG2) - HEADER) return NULL;
    uint32_t log2 = SMALLEST_LOG2;
    while (((size_t)1 << log2) < bytes + HEADER) log2++;
    block_t *block = free_blocks[log2];
    if (block) free_blocks[log2] = block->next;
    else block = fresh(log2);
    if (!block) return NULL;
    block->log2 = log2;
    return (unsigned char *)block + HEADER;
}

void free(void *pointer) {
    if (!pointer) return;
    block_t *block = (block_t *)((unsigned char *)pointer - HEADER);
    uint32_t log2 = block->log2;
    block->next = free_blocks[log2];
    free_blocks[log2] = block;
}

void *realloc(void *pointer, size_t bytes) {
    if (!pointer) return malloc(bytes);
    size_t room = ((size_t)1 << ((block_t *)((unsigned char *)pointer - HEADER))->log2) - HEADER;
    if (bytes <= room) return pointer;
    void *moved = malloc(bytes);
    if (!moved) return NULL;
    memcpy(moved, pointer, room);
    free(pointer);
    return moved;
}

void abort(void) {
    __builtin_trap();
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    unsigned char *t = to;
    const unsigned char *f = from;
    while (bytes--) *t++ = *f++;
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    unsigned char *t = to;
    while (bytes--) *t++ = (unsigned char)value;
    return to;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}
