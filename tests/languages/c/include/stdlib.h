// What heap.c has of it.
#pragma once
#include <stddef.h>

void *malloc(size_t bytes);
void *realloc(void *pointer, size_t bytes);
void free(void *pointer);
_Noreturn void abort(void);
