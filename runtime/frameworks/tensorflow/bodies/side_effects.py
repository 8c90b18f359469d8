"""Which nodes do something besides making their outputs."""

from __future__ import annotations

from typing import Any

from ...listing import listed
from ..ir.schemas import op_def
from .bodies import Bodies, functions_called

CONTROL = """
Assert Case ControlTrigger DeviceIndex DynamicPartition DynamicStitch EmptyTensorList
EmptyTensorMap Enter Exit FakeParam For If LoopCond Merge NextIteration NoOp
ParallelDynamicStitch PartitionedCall RefEnter RefExit RefMerge RefNextIteration
RefSelect RefSwitch Stack StackClose StackCloseV2 StackPop StackPopV2 StackPush
StackPushV2 StackV2 StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile
Switch TensorArray TensorArrayClose TensorArrayCloseV2 TensorArrayCloseV3
TensorArrayConcat TensorArrayConcatV2 TensorArrayConcatV3 TensorArrayGather
TensorArrayGatherV2 TensorArrayGatherV3 TensorArrayGrad TensorArrayGradV2
TensorArrayGradV3 TensorArrayGradWithShape TensorArrayPack TensorArrayRead
TensorArrayReadV2 TensorArrayReadV3 TensorArrayScatter TensorArrayScatterV2
TensorArrayScatterV3 TensorArraySize TensorArraySizeV2 TensorArraySizeV3
TensorArraySplit TensorArraySplitV2 TensorArraySplitV3 TensorArrayUnpack TensorArrayV2
TensorArrayV3 TensorArrayWrite TensorArrayWriteV2 TensorArrayWriteV3 TensorListConcat
TensorListConcatLists TensorListConcatV2 TensorListElementShape TensorListFromTensor
TensorListGather TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack
TensorListPushBackBatch TensorListReserve TensorListResize TensorListScatter
TensorListScatterIntoExistingList TensorListScatterV2 TensorListSetItem TensorListSplit
TensorListStack TensorMapErase TensorMapHasKey TensorMapInsert TensorMapLookup
TensorMapSize TensorMapStackKeys ToBool While
"""
"""Branches, loops, calls, and the lists that loops fill. Not Abort, not RemoteCall."""

RANDOM = """
Multinomial NonDeterministicInts ParameterizedTruncatedNormal RandomGamma
RandomGammaGrad RandomIndexShuffle RandomPoisson RandomPoissonV2 RandomShuffle
RandomStandardNormal RandomUniform RandomUniformInt RngReadAndSkip RngSkip
StatefulRandomBinomial StatefulStandardNormal StatefulStandardNormalV2
StatefulTruncatedNormal StatefulUniform StatefulUniformFullInt StatefulUniformInt
StatelessMultinomial StatelessParameterizedTruncatedNormal StatelessRandomBinomial
StatelessRandomGammaV2 StatelessRandomGammaV3 StatelessRandomGetAlg
StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormal
StatelessRandomNormalV2 StatelessRandomPoisson StatelessRandomUniform
StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessShuffle
StatelessTruncatedNormal StatelessTruncatedNormalV2 TruncatedNormal
"""
"""Random numbers."""

READS = """
AnonymousHashTable AnonymousMutableDenseHashTable AnonymousMutableHashTable
AnonymousMutableHashTableOfTensors DisableCopyOnRead HashTable HashTableV2
IsVariableInitialized LookupTableExport LookupTableExportV2 LookupTableFind
LookupTableFindV2 LookupTableSize LookupTableSizeV2 MutableDenseHashTable
MutableDenseHashTableV2 MutableHashTable MutableHashTableOfTensors
MutableHashTableOfTensorsV2 MutableHashTableV2 Placeholder PlaceholderWithDefault
ReadVariableOp RefIdentity ResourceGather ResourceGatherNd VarHandleOp
VarIsInitializedOp Variable VariableShape VariableV2
"""
"""Stateful by TensorFlow's registry, since what they read may be written."""

MARKED = """
CheckNumerics CheckNumericsV2 CudnnRNN CudnnRNNV2 CudnnRNNV3 DeepCopy Empty GuaranteeConst
RandomCrop SampleDistortedBoundingBox SampleDistortedBoundingBoxV2
"""
"""Stateful by the registry, so that nothing merges or removes them."""

HARMLESS = listed(READS + MARKED + CONTROL + RANDOM)
"""Nothing is lost if such a node doesn't run. An Assert only raises."""


def has_effect(node: Any, bodies: Bodies) -> bool:
    """Whether a node, or a function that it calls, writes state or the like."""
    called = functions_called([node], bodies, lambda body: body.nodes.values())
    inside = (inner for name in called for inner in bodies[name].nodes.values())
    return any(_writes(each.op) for each in (node, *inside))


def _writes(op: str) -> bool:
    known = op_def(op)
    if known is None or op in HARMLESS:
        return False
    return known.is_stateful or any(each.is_ref for each in known.input_arg)
